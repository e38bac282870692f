/**
 * How long nothing has passed. That something passes is only noted; the clock is read when somebody
 * asks, so that a byte costs no look at it.
 */
export class Inactivity {
  #isActive = false;
  #activeMs: number;

  constructor(nowMs: number) {
    this.#activeMs = nowMs;
  }

  /** Bytes have passed. */
  renew(): void {
    this.#isActive = true;
  }

  /** To be asked again and again: activity counts as of the moment it is asked for. */
  ms(nowMs: number): number {
    if (this.#isActive) {
      this.#isActive = false;
      this.#activeMs = nowMs;
    }
    return nowMs - this.#activeMs;
  }
}
