const downWeight = 0.2;
const upWeight = 0.01;

/**
 * What one kind of request takes when nothing is in its way: falls quickly to what is faster and
 * rises slowly, and only while there is no congestion, so that an overload of minutes is not learnt
 * as the way things are.
 */
export class Baseline {
  #ms = Number.NaN;

  /** NaN before the first request. */
  get ms(): number {
    return this.#ms;
  }

  observe(ms: number, isCongested: boolean): void {
    if (Number.isNaN(this.#ms)) this.#ms = ms;
    else if (ms < this.#ms) this.#ms += (ms - this.#ms) * downWeight;
    else if (!isCongested) this.#ms += (ms - this.#ms) * upWeight;
  }
}
