import type { FigureSource } from "../expression/evaluate.ts";
import type { ReadyRule } from "../rules/rule.ts";
import { type AlertNote, noteOf } from "./alert-note.ts";
import { type AlertState, evaluateRule, inactiveState, nextState } from "./alert-state.ts";
import type { AlertStore } from "./alert-store.ts";
import type { Receiver } from "./receiver.ts";

type Options = {
  store: AlertStore;
  receivers: readonly Receiver[];
  onState: (rule: ReadyRule, state: AlertState) => void;
  onError: (error: unknown, during: string) => void;
};

/** What the server that looked last knows of the alerts. */
type Remembered = {
  rules: readonly ReadyRule[];
  states: ReadonlyMap<string, AlertState>;
  isSilenced: (rule: ReadyRule, atMs: number) => boolean;
};

/** A rule that began to be wrong while the store was away. */
type Begun = { rule: ReadyRule; state: AlertState; owed: Set<Receiver> };

const sendMs = 10_000;
/** All that is known without the store, which is the database: that it does not answer. */
const figures: FigureSource = { value: (name) => (name === "database_down" ? 1 : null) };

/**
 * What becomes of alerts while the store does not answer. The server that looked last, and no other,
 * goes on from what it remembers: rules that ask for nothing but whether the database is there move
 * on, all others stay as they were. Receivers are told at once and not by way of the store; one that
 * cannot be told is tried again with each look. When the store is back, it is told what happened.
 *
 * A server that ends meanwhile takes this with it: that is what the heartbeat is for.
 */
export class StoreAbsence {
  readonly #options: Options;
  readonly #begun = new Map<string, Begun>();
  #remembered: Remembered | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @param remembered undefined where another server looks after the alerts */
  remember(remembered: Remembered | undefined): void {
    this.#remembered = remembered;
  }

  /** Looks without the store. */
  async look(atMs: number): Promise<void> {
    if (!this.#remembered) return;
    const { onState, receivers } = this.#options;
    const { rules, states, isSilenced } = this.#remembered;
    for (const rule of rules) {
      // One without severity fires always: that alerts are looked after is not so now.
      if (!rule.isEnabled || rule.severity === "none") continue;
      const evaluation = evaluateRule(rule, figures, atMs);
      if (evaluation.kind !== "value") continue;
      const begun = this.#begun.get(rule.id);
      const before = begun?.state ?? states.get(rule.id) ?? inactiveState(atMs);
      const state = nextState(rule, before, evaluation, atMs);
      const owed = begun?.owed ?? new Set<Receiver>();
      if (state.state === "firing" && !isSilenced(rule, atMs)) {
        // A mirror forgets what it is not told again.
        for (const receiver of receivers) {
          if (receiver.kind === "mirror" || state.toldMs === null) owed.add(receiver);
        }
        state.toldMs ??= atMs;
      }
      this.#begun.set(rule.id, { rule, state, owed });
      onState(rule, state);
    }
    await this.#tell();
  }

  /** The store answers again: what fired meanwhile is over. */
  async settle(atMs: number): Promise<void> {
    if (this.#begun.size === 0) return;
    const { store, receivers } = this.#options;
    const begun = [...this.#begun.values()];
    const fired = begun.filter(({ state }) => state.state === "firing");
    const notes: AlertNote[] = fired.flatMap(({ rule, state }) =>
      state.toldMs === null ? [] : [noteOf(rule, state, "resolved")],
    );
    const told = receivers.filter(({ kind }) => kind === "notify");
    await store.commit({
      states: begun.map(({ rule }) => ({ ruleId: rule.id, state: inactiveState(atMs) })),
      events: fired.flatMap(({ rule: { id: ruleId }, state: { sinceMs, value } }) => [
        { ruleId, kind: "firing" as const, atMs: sinceMs, value },
        { ruleId, kind: "resolved" as const, atMs, value: null },
      ]),
      deliveries: notes.length === 0 ? [] : told.map(({ name }) => ({ receiver: name, notes })),
    });
    this.#begun.clear();
  }

  async #tell(): Promise<void> {
    const byReceiver = new Map<Receiver, Begun[]>();
    for (const begun of this.#begun.values()) {
      for (const receiver of begun.owed) {
        byReceiver.set(receiver, [...(byReceiver.get(receiver) ?? []), begun]);
      }
    }
    await Promise.all(
      [...byReceiver].map(async ([receiver, owing]) => {
        const notes = owing.map(({ rule, state }) => noteOf(rule, state, "firing"));
        try {
          await receiver.send(notes, AbortSignal.timeout(sendMs));
          for (const { owed } of owing) owed.delete(receiver);
        } catch (error) {
          this.#options.onError(error, `telling ${receiver.name}`);
        }
      }),
    );
  }
}
