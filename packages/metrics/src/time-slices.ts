/** How long a piece of long work may hold the event loop before others go first. */
const sliceMs = 3;

/** Cuts long work into pieces by the clock, so that requests are answered in between. */
export class TimeSlices {
  #sinceMs = performance.now();

  /** To be awaited where it is given: the piece has been long enough. */
  pause(): Promise<void> | undefined {
    return performance.now() - this.#sinceMs < sliceMs ? undefined : this.#next();
  }

  async #next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}
