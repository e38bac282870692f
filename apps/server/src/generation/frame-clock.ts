/** Something with output that waits for the next frame. */
export type Framed = { flush(nowMs: number): void };

/**
 * Gathers small writes into frames. The first write after a pause goes out at once, so that a first
 * token waits for nothing; those that follow within `frameMs` go out together at the end of the
 * frame. One timer serves every answer, and runs only while something waits.
 */
export class FrameClock {
  readonly #frameMs: number;
  readonly #now: () => number;
  #waiting: Framed[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(frameMs = 16, now: () => number = performance.now.bind(performance)) {
    this.#frameMs = frameMs;
    this.#now = now;
  }

  /**
   * Flushes `target` now if its last frame is over, otherwise with the next tick.
   *
   * @param lastFlushMs when the target last flushed, on this clock
   * @returns whether the target now waits: it must not be handed in again before its flush
   */
  schedule(target: Framed, lastFlushMs: number): boolean {
    const now = this.#now();
    if (now - lastFlushMs >= this.#frameMs) {
      target.flush(now);
      return false;
    }
    this.#waiting.push(target);
    this.#timer ??= setTimeout(() => this.#tick(), this.#frameMs);
    return true;
  }

  now(): number {
    return this.#now();
  }

  #tick(): void {
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    const now = this.#now();
    for (const target of waiting) target.flush(now);
  }
}
