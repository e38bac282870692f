const downWeight = 0.2;
const upWeight = 0.05;
/** So many are looked at together: what takes 1 ms from a cache and 10 without it takes 5 as a rule. */
const batch = 20;

/**
 * What one kind of request takes as a rule when nothing is in its way: falls quickly to what is faster
 * and rises slowly, and only while there is no congestion, so that an overload of minutes is not
 * learnt as the way things are.
 */
export class Baseline {
  #ms = Number.NaN;
  #sumMs = 0;
  #count = 0;
  #congested = 0;

  /** NaN before the first request. */
  get ms(): number {
    return this.#ms;
  }

  observe(ms: number, isCongested: boolean): void {
    if (Number.isNaN(this.#ms)) this.#ms = ms;
    this.#sumMs += ms;
    this.#count++;
    if (isCongested) this.#congested++;
    if (this.#count < batch) return;
    const meanMs = this.#sumMs / this.#count;
    if (meanMs < this.#ms) this.#ms += (meanMs - this.#ms) * downWeight;
    else if (this.#congested === 0) this.#ms += (meanMs - this.#ms) * upWeight;
    this.#sumMs = 0;
    this.#count = 0;
    this.#congested = 0;
  }
}
