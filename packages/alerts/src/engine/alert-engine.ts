import type { FigureSource } from "../expression/evaluate.ts";
import { figuresIn } from "../expression/expression.ts";
import { defaultRules } from "../rules/default-rules.ts";
import { type ReadyRule, type Rule, readyRule } from "../rules/rule.ts";
import { type AlertNote, noteOf } from "./alert-note.ts";
import { type AlertState, evaluateRule, inactiveState, nextState } from "./alert-state.ts";
import type { AlertEvent, AlertStore, Silence } from "./alert-store.ts";
import { Outbox } from "./outbox.ts";
import type { Receiver } from "./receiver.ts";
import { StoreAbsence } from "./store-absence.ts";
import { within } from "./time-limit.ts";

type Options = {
  store: AlertStore;
  receivers: readonly Receiver[];
  /** The figures of the whole fleet, for so far back. */
  figures: (backMs: number) => Promise<FigureSource>;
  onState?: (rule: ReadyRule, state: AlertState) => void;
  onError: (error: unknown, during: string) => void;
  now?: () => number;
  everyMs?: number;
};

type Outcome = { rule: ReadyRule; before: AlertState; state: AlertState };

/** What one server that looks has read from the store. */
type Loaded = Awaited<ReturnType<AlertStore["load"]>> & { ready: ReadyRule[] };

const lookEveryMs = 15_000;
/** A store that takes longer to answer counts as away. */
const storeMs = 10_000;
/** A receiver is told again of what goes on and nobody has acknowledged. */
const repeatMs = 4 * 3600_000;
const mirrorEveryMs = 60_000;

/**
 * Looks at all rules every 15 s, over the whole fleet: of all servers one does so at a time. Keeps
 * what it finds, and has receivers told of what changed. A rule that fails does not keep others
 * from being looked at. What happens without the store is in `StoreAbsence`.
 */
export class AlertEngine {
  readonly #options: Options;
  readonly #now: () => number;
  readonly #outbox: Outbox;
  readonly #mirrors: readonly Receiver[];
  readonly #absence: StoreAbsence;
  #mirroredMs = Number.NEGATIVE_INFINITY;
  #mirroring: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: Options) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const { store, receivers, onError, onState = () => {} } = options;
    this.#mirrors = receivers.filter(({ kind }) => kind === "mirror");
    this.#outbox = new Outbox(store, receivers, (receiver, error) =>
      onError(error, `telling ${receiver}`),
    );
    this.#absence = new StoreAbsence({ store, receivers, onError, onState });
  }

  start(): void {
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#outbox.close();
    await this.#mirroring;
  }

  /** Looks once, if this server is the one to do so. */
  async look(): Promise<void> {
    const { store, onState } = this.#options;
    const atMs = this.#now();
    let loaded: Loaded | undefined;
    try {
      loaded = await within(storeMs, this.#load(atMs), "reaching the store");
    } catch (error) {
      this.#options.onError(error, "reaching the store");
      await this.#absence.look(atMs);
      return;
    }
    if (!loaded) return;
    const { ready: rules, states, silences } = loaded;
    const outcomes = await this.#evaluate(rules, states, atMs);
    const firing = new Set(
      outcomes.filter(({ state }) => state.state === "firing").map(({ rule }) => rule.id),
    );
    const isMuted = (rule: ReadyRule) =>
      rule.inhibitedBy.some((id) => firing.has(id)) || isSilenced(rule, silences, atMs);
    const notes = outcomes.flatMap((outcome) => tell(outcome, isMuted(outcome.rule), atMs));
    const receivers = this.#options.receivers.filter(({ kind }) => kind === "notify");
    await store.commit({
      states: outcomes.map(({ rule, state }) => ({ ruleId: rule.id, state })),
      events: outcomes.flatMap((outcome) => eventsOf(outcome, atMs)),
      deliveries:
        notes.length === 0 ? [] : receivers.map(({ name }) => ({ receiver: name, notes })),
    });
    for (const { rule, state } of outcomes) onState?.(rule, state);
    await this.#outbox.flush();
    this.#mirror(outcomes, isMuted, atMs);
  }

  /** @returns undefined where another server looks after the alerts */
  async #load(atMs: number): Promise<Loaded | undefined> {
    const { store } = this.#options;
    const isLeading = await store.lead();
    await this.#absence.settle(atMs);
    if (!isLeading) {
      this.#absence.remember(undefined);
      return undefined;
    }
    const loaded = await store.load();
    const { states, silences } = loaded;
    const ready = this.#ready(rulesWith(loaded.rules));
    this.#absence.remember({
      rules: ready,
      states,
      isSilenced: (rule, nowMs) => isSilenced(rule, silences, nowMs),
    });
    return { ...loaded, ready };
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.look()
        .catch((error: unknown) => this.#options.onError(error, "looking at the rules"))
        .finally(() => this.#schedule());
    }, this.#options.everyMs ?? lookEveryMs);
  }

  #ready(rules: readonly Rule[]): ReadyRule[] {
    return rules.flatMap((rule) => {
      try {
        return [readyRule(rule)];
      } catch (error) {
        this.#options.onError(error, `reading the rule ${rule.id}`);
        return [];
      }
    });
  }

  async #evaluate(
    rules: readonly ReadyRule[],
    states: Map<string, AlertState>,
    atMs: number,
  ): Promise<Outcome[]> {
    const source = await this.#options.figures(longestWindowMs(rules));
    return rules.flatMap((rule) => {
      const before = states.get(rule.id) ?? inactiveState(atMs);
      if (!rule.isEnabled) return [{ rule, before, state: inactiveState(atMs) }];
      try {
        const evaluation = evaluateRule(rule, source, atMs);
        return [{ rule, before, state: nextState(rule, before, evaluation, atMs) }];
      } catch (error) {
        this.#options.onError(error, `looking at the rule ${rule.id}`);
        return [];
      }
    });
  }

  #mirror(outcomes: readonly Outcome[], isMuted: (rule: ReadyRule) => boolean, atMs: number): void {
    if (this.#mirrors.length === 0 || this.#mirroring) return;
    const hasChanged = outcomes.some(({ before, state }) => before.state !== state.state);
    if (!hasChanged && atMs - this.#mirroredMs < mirrorEveryMs) return;
    this.#mirroredMs = atMs;
    const notes = outcomes.flatMap(({ rule, before, state }) => {
      if (isMuted(rule)) return [];
      if (state.state === "firing") return [noteOf(rule, state, "firing")];
      return before.state === "firing" ? [noteOf(rule, before, "resolved")] : [];
    });
    const signal = AbortSignal.timeout(10_000);
    this.#mirroring = Promise.all(
      this.#mirrors.map(async (mirror) => {
        try {
          await mirror.send(notes, signal);
        } catch (error) {
          this.#options.onError(error, `telling ${mirror.name}`);
        }
      }),
    ).then(() => {
      this.#mirroring = undefined;
    });
  }
}

/** The rules as they come, with those that were changed in their place and those that were made. */
export function rulesWith(changed: readonly Rule[]): Rule[] {
  const byId = new Map(defaultRules.map((rule) => [rule.id, rule]));
  for (const rule of changed) byId.set(rule.id, rule);
  return [...byId.values()];
}

export function longestWindowMs(rules: readonly ReadyRule[]): number {
  let longest = 0;
  for (const { parsed, parsedLeast } of rules) {
    for (const expression of parsedLeast ? [parsed, parsedLeast] : [parsed]) {
      longest = Math.max(longest, ...figuresIn(expression).values());
    }
  }
  return longest * 1000;
}

/** What receivers are to be told of an outcome; marks in its state that they were. */
function tell({ rule, before, state }: Outcome, isMuted: boolean, atMs: number): AlertNote[] {
  // A rule without severity is for those who are told everything.
  if (rule.severity === "none") return [];
  if (state.state === "firing") {
    const isNew = state.toldMs === null;
    const isAgain =
      state.toldMs !== null && state.acknowledgedBy === null && atMs - state.toldMs >= repeatMs;
    if (isMuted || !(isNew || isAgain)) return [];
    state.toldMs = atMs;
    return [noteOf(rule, state, "firing")];
  }
  // Who was never told that it fires has no use for its end.
  const isOver = before.state === "firing" && before.toldMs !== null;
  return isOver ? [noteOf(rule, before, "resolved")] : [];
}

function eventsOf({ rule, before, state }: Outcome, atMs: number): AlertEvent[] {
  if (rule.severity === "none" || before.state === state.state) return [];
  const { value } = state;
  if (state.state === "firing") return [{ ruleId: rule.id, kind: "firing", atMs, value }];
  return before.state === "firing" ? [{ ruleId: rule.id, kind: "resolved", atMs, value }] : [];
}

function isSilenced(rule: ReadyRule, silences: readonly Silence[], atMs: number): boolean {
  return silences.some(
    ({ ruleId, untilMs }) => untilMs > atMs && (ruleId === null || ruleId === rule.id),
  );
}
