const intervalMs = 20;

export type Delay = { meanDelayMs: number; maxDelayMs: number };

/**
 * Measures how late the event loop is: a timer of 20 ms, and by how much it overshoots. What keeps
 * the loop for 100 ms is seen as 100 ms, and what keeps it for less than a millisecond is not seen.
 *
 * Not `monitorEventLoopDelay`, whose figures hold the timer's own length in Node and do not in Bun.
 */
export class EventLoopDelay {
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = 0;
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#schedule();
  }

  /** What was seen since the last call. A loop that is held right now counts with how long it has been. */
  take(): Delay {
    const overdueMs = Math.max(0, this.#now() - this.#dueMs);
    const maxDelayMs = Math.max(this.#maxMs, overdueMs);
    const meanDelayMs = this.#count === 0 ? overdueMs : this.#sumMs / this.#count;
    this.#count = 0;
    this.#sumMs = 0;
    this.#maxMs = 0;
    return { meanDelayMs, maxDelayMs };
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#dueMs = this.#now() + intervalMs;
    this.#timer = setTimeout(() => this.#tick(), intervalMs);
  }

  #tick(): void {
    const lateMs = Math.max(0, this.#now() - this.#dueMs);
    this.#count++;
    this.#sumMs += lateMs;
    this.#maxMs = Math.max(this.#maxMs, lateMs);
    this.#schedule();
  }
}
