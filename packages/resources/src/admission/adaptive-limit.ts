import type { Baseline } from "./baseline.ts";

export type LimitOptions = {
  initial?: number;
  min?: number;
  max?: number;
};

/**
 * Time to first byte may double and grow by this before the limit gives way. With 20 ms a machine that
 * stands still for 80 ms now and then (a neighbour, a collection) refused 7 % of what it could bear.
 */
const slackMs = 30;
const windowMs = 100;
const minSamples = 10;
/** One request that hangs must not outweigh a hundred that do not. */
const maxRatio = 8;
const smoothing = 0.3;

/**
 * How many requests may be in flight at once, learnt from how long they take to their first byte
 * against what their kind takes undisturbed.
 *
 * In windows of 100 ms at least, the time of the requests that ended, over what they might have
 * taken together, `2 × baseline + 30 ms` each: at most 1, and the limit grows by its square root, if
 * half of it was in use; above 1, and it shrinks in proportion. So at overload it settles where
 * requests wait for about 30 ms: enough for the server never to run dry, and little enough for the
 * ones it took to be answered soon. Only requests that began after the last change count: those from
 * before it tell of another limit, and would have it shrunk twice for the same.
 *
 * Up to the least limit, requests count as undisturbed by each other: from those the baselines
 * learn what is slow by itself, so that a database that became slow does not hold the limit down for
 * ever. What an overload can teach them is thereby bounded too.
 */
export class AdaptiveLimit {
  readonly #min: number;
  readonly #max: number;
  #limit: number;
  #changedMs = Number.NEGATIVE_INFINITY;
  #samples = 0;
  #tookMs = 0;
  #allowedMs = 0;
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
    const allowedMs = 2 * baseline.ms + slackMs;
    this.#samples++;
    this.#tookMs += Math.min(firstByteMs, maxRatio * allowedMs);
    this.#allowedMs += allowedMs;
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
    if (nowMs < this.#changedMs + windowMs || this.#samples < minSamples) return;
    this.#adjust(this.#tookMs / this.#allowedMs);
    this.#changedMs = nowMs;
    this.#samples = 0;
    this.#tookMs = 0;
    this.#allowedMs = 0;
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
