/**
 * Finds how much of the store the admission window should have, by hill climbing on the hit ratio.
 *
 * Traffic that favours the recent (a burst of new conversations) wants a large window, traffic that
 * favours the frequent (a scan beside a hot set) wants nearly none, and which one it is changes
 * during a day. After each sample of requests the climber compares the hit ratio with the sample
 * before: better, and it goes on in the same direction; worse, and it turns round. Steps shrink
 * while little changes, and start anew when the ratio jumps, for then the traffic has changed.
 */
export class WindowClimber {
  /** Counted by the policy as they come. */
  hits = 0;
  misses = 0;
  #previousRatio = 0;
  #step = INITIAL_STEP;

  restartSample(): void {
    this.hits = 0;
    this.misses = 0;
  }

  /** By how much of the whole (-1 to 1) the window should change now; 0 while a sample is open. */
  adjust(sampleSize: number): number {
    const requests = this.hits + this.misses;
    if (requests < sampleSize) return 0;
    const ratio = this.hits / requests;
    this.restartSample();
    const change = ratio - this.#previousRatio;
    this.#previousRatio = ratio;
    const amount = change >= 0 ? this.#step : -this.#step;
    this.#step =
      Math.abs(change) >= RESTART_CHANGE ? Math.sign(amount) * INITIAL_STEP : amount * STEP_DECAY;
    return amount;
  }
}

const INITIAL_STEP = 0.0625;
const STEP_DECAY = 0.98;
const RESTART_CHANGE = 0.05;
