import type { Baseline } from "./baseline.ts";

export type LimitOptions = {
  initial?: number;
  min?: number;
  max?: number;
};

/** Time to first byte may double and grow by this before the limit gives way: bursts come and go. */
const slackMs = 20;
const windowMs = 100;
const minSamples = 10;
/** One request that hangs must not outweigh a hundred that do not. */
const maxRatio = 8;
const smoothing = 0.3;

/**
 * How many requests may be in flight at once, learnt from how long they take to their first byte
 * against what their kind takes undisturbed.
 *
 * In windows of 100 ms, the mean of `time / (2 × baseline + 20 ms)` over the requests that ended: at
 * most 1, and the limit grows by its square root, if half of it was in use; above 1, and it shrinks
 * in proportion. So at overload it settles where requests wait for about 20 ms: enough for the
 * server never to run dry, and little enough for the ones it took to be answered soon.
 *
 * Up to the least limit, requests count as undisturbed by each other: from those the baselines
 * learn what is slow by itself, so that a database that became slow does not hold the limit down for
 * ever. What an overload can teach them is thereby bounded too.
 */
export class AdaptiveLimit {
  readonly #min: number;
  readonly #max: number;
  #limit: number;
  #windowEndsMs = Number.NEGATIVE_INFINITY;
  #samples = 0;
  #ratioSum = 0;
  #mostInFlight = 0;

  constructor({ initial = 64, min = 16, max = 4096 }: LimitOptions = {}) {
    this.#min = min;
    this.#max = max;
    this.#limit = initial;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /**
   * A request had its first byte.
   *
   * @param baseline of its kind
   * @param inFlight how many there were, this one among them
   */
  observe(nowMs: number, firstByteMs: number, baseline: Baseline, inFlight: number): void {
    baseline.observe(firstByteMs, inFlight > this.#min);
    this.#samples++;
    this.#ratioSum += Math.min(maxRatio, firstByteMs / (2 * baseline.ms + slackMs));
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
    if (nowMs < this.#windowEndsMs || this.#samples < minSamples) return;
    this.#adjust(this.#ratioSum / this.#samples);
    this.#windowEndsMs = nowMs + windowMs;
    this.#samples = 0;
    this.#ratioSum = 0;
    this.#mostInFlight = 0;
  }

  #adjust(ratio: number): void {
    const limit = this.#limit;
    let target = limit;
    if (ratio > 1) target = limit * Math.max(0.5, 1 / ratio);
    else if (this.#mostInFlight >= limit / 2) target = limit + Math.sqrt(limit);
    this.#limit = Math.min(
      this.#max,
      Math.max(this.#min, limit + (target - limit) * (ratio > 1 ? smoothing : 1)),
    );
  }
}
