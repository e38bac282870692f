import type { Clock } from "../clock.ts";
import { EVERYTHING } from "../guards.ts";
import { sleep } from "../time-limit.ts";
import type { Witness } from "./witness.ts";

/**
 * Writing while cut off from the log.
 *
 * With a witness: the name is entered there before work begins, and the first write is acknowledged
 * when a lease has passed since, for by then everybody either has read the name and serves nothing
 * shared, or has lost its own lease. Later writes wait for nothing. When the log is back, what was
 * written is delivered to it, then the name is taken away.
 *
 * Without a witness: the write is acknowledged when it could be delivered after all, or when a lease
 * has passed since this process last reached the log. That is enough when the log is down for
 * everybody; it is not when this process alone is cut off and others go on.
 *
 * What was written stays held in this process until it has been delivered.
 */
export class Detachment {
  readonly #options: DetachmentOptions;
  /** Guards of writes that the log has not heard of. */
  #owed: string[] = [];
  /** Writes whose work runs: their guards are owed once more when it has ended. */
  #working = 0;
  /** Since when the name has stood at the witness without a break, and when it was last said. */
  #standsSince: number | undefined;
  #saidAt = Number.NEGATIVE_INFINITY;
  #saying: Promise<void> | undefined;
  #delivering: Promise<void> | undefined;
  #closed = false;

  constructor(options: DetachmentOptions) {
    this.#options = options;
  }

  async run<T>(guards: readonly string[], work: () => Promise<T>): Promise<T> {
    const { hold, release } = this.#options;
    this.#working++;
    hold(guards);
    let result: T;
    try {
      await this.#enter();
      result = await work();
    } finally {
      this.#owe(guards);
      release(guards);
      this.#working--;
    }
    // Entered once more: if work took so long that the others thought us dead, the wait begins anew.
    await this.#enter();
    await this.#untilHarmless();
    return result;
  }

  /** Called with every beat: delivers what is owed, or says again that the name stands. */
  tick(): void {
    if (this.#closed || this.#delivering !== undefined) return;
    if (this.#owed.length === 0 && this.#standsSince === undefined) return;
    this.#delivering = this.#deliverAll()
      // Still cut off, which is no news.
      .catch(() => (this.#standsSince === undefined ? undefined : this.#say()))
      .catch((error) => this.#options.onError(error, "witness"))
      .finally(() => {
        this.#delivering = undefined;
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#delivering;
    // One last try. If it fails the name stays, and the others bump everything in its stead.
    await this.#deliverAll().catch((error) => this.#options.onError(error, "close"));
  }

  /** Resolves when the name stands, so that work may begin. */
  async #enter(): Promise<void> {
    if (this.#options.witness !== undefined && !this.#isSaid()) await this.#say();
  }

  /** Resolves when nobody else serves what was known before the name stood. */
  async #untilHarmless(): Promise<void> {
    const { witness, leaseMs, clock } = this.#options;
    const wait = leaseMs * DRIFT + 1;
    if (witness === undefined) return this.#waitWithoutWitness(wait);
    const rest = (this.#standsSince ?? clock.now()) + wait - clock.now();
    if (rest > 0) await sleep(rest);
  }

  /** Whether the name surely stands: the others take it away after a long silence. */
  #isSaid(): boolean {
    const { clock, silentAfterMs } = this.#options;
    return this.#standsSince !== undefined && clock.now() - this.#saidAt < silentAfterMs / 2;
  }

  #say(): Promise<void> {
    this.#saying ??= this.#sayOnce().finally(() => {
      this.#saying = undefined;
    });
    return this.#saying;
  }

  async #sayOnce(): Promise<void> {
    const { witness, node, clock } = this.#options;
    const stood = this.#isSaid();
    const saidAt = clock.now();
    await witness?.enter(node);
    this.#saidAt = saidAt;
    if (!stood || this.#standsSince === undefined) this.#standsSince = clock.now();
  }

  async #waitWithoutWitness(wait: number): Promise<void> {
    const { clock, lastContact } = this.#options;
    while (this.#owed.length > 0 && clock.now() < lastContact() + wait) {
      this.tick();
      await sleep(Math.min(wait, RETRY_MS));
    }
  }

  #owe(guards: readonly string[]): void {
    const fresh = guards.filter((guard) => !this.#owed.includes(guard));
    if (this.#owed.length + fresh.length > MAX_OWED) {
      fresh.length = 0;
      if (!this.#owed.includes(EVERYTHING)) fresh.push(EVERYTHING);
    }
    this.#options.hold(fresh);
    this.#owed.push(...fresh);
  }

  async #deliverAll(): Promise<void> {
    while (this.#owed.length > 0) {
      const guards = this.#owed.slice();
      await this.#options.deliver(guards);
      this.#owed = this.#owed.slice(guards.length);
      this.#options.release(guards);
    }
    if (this.#standsSince === undefined || this.#working > 0) return;
    // From here on a write that is cut off has to enter anew, and to wait anew.
    this.#standsSince = undefined;
    await this.#options.witness?.leave(this.#options.node);
  }
}

interface DetachmentOptions {
  node: string;
  witness: Witness | undefined;
  clock: Clock;
  leaseMs: number;
  /** After so long without a word, the others take a name for that of a dead process. */
  silentAfterMs: number;
  hold: (guards: readonly string[]) => void;
  release: (guards: readonly string[]) => void;
  /** Puts a bump in the log and waits until everybody has it. Rejects while cut off. */
  deliver: (guards: readonly string[]) => Promise<void>;
  /** When the log was last reached, by the clock. */
  lastContact: () => number;
  onError: (error: unknown, during: string) => void;
}

const DRIFT = 1.1;
const RETRY_MS = 50;
/** More guards than this are owed as everything. */
const MAX_OWED = 10_000;
