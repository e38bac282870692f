const flushEveryMs = 10;
/** 5,000 a second: a twentieth of what a core can do of them. */
const perFlush = 50;
const maxHeldMs = 1_000;
/** Each is a connection and some memory; beyond this, to hold them would cost more than it saves. */
const maxHeld = 5_000;

type Held = { sinceMs: number; send: () => void };

/**
 * Spreads refusals out: five thousand a second go at once, those beyond are held for up to a second,
 * five thousand at most.
 *
 * A client that is refused at once may ask again at once, and then its connections take the server
 * from those it has let in: 1,000 connections that did so left it 8 % of its best. A client that
 * waits for its refusal asks nothing meanwhile, and to wait costs the server nothing.
 */
export class RefusalPace {
  readonly #now: () => number;
  readonly #held: Held[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Refusals that may still go at once until the next flush. */
  #left = perFlush;

  constructor(now: () => number) {
    this.#now = now;
  }

  get held(): number {
    return this.#held.length;
  }

  /** @returns undefined if a refusal may go now, else what resolves when it may */
  turn(): Promise<void> | undefined {
    this.#timer ??= setTimeout(() => this.#flush(), flushEveryMs);
    if (this.#left > 0 && this.#held.length === 0) {
      this.#left--;
      return undefined;
    }
    if (this.#held.length >= maxHeld) return undefined;
    return new Promise((send) => this.#held.push({ sinceMs: this.#now(), send }));
  }

  /** Lets all go. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { send } of this.#held.splice(0)) send();
  }

  #flush(): void {
    this.#timer = undefined;
    const latestMs = this.#now() - maxHeldMs;
    let due = Math.min(perFlush, this.#held.length);
    while ((this.#held[due]?.sinceMs ?? Number.POSITIVE_INFINITY) <= latestMs) due++;
    for (const { send } of this.#held.splice(0, due)) send();
    this.#left = Math.max(0, perFlush - due);
    // Runs once more after the last refusal, to fill up what may go at once.
    if (this.#held.length > 0 || this.#left < perFlush) {
      this.#timer = setTimeout(() => this.#flush(), flushEveryMs);
    }
  }
}
