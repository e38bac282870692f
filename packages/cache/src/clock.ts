/** Time as this package needs it, handed in so that tests can hold it. */
export interface Clock {
  /** Milliseconds that never go backwards, of this process alone. */
  now(): number;
  /**
   * What `now` said a moment ago: at most a turn of the event loop and a millisecond before. For
   * lifetimes, which each hit asks about; never for leases, since a process can be stopped in the
   * middle of a turn.
   */
  recent(): number;
  /** Milliseconds since 1970, comparable between machines. */
  wall(): number;
}

export class SystemClock implements Clock {
  #recent = 0;
  /** How often `recent` may be read before it looks again. */
  #readings = 0;
  #isTimerSet = false;

  now(): number {
    return performance.now();
  }

  recent(): number {
    // The clock of the system takes 35 ns, about as long as the rest of a hit.
    if (this.#readings-- > 0) return this.#recent;
    return this.#look();
  }

  wall(): number {
    return Date.now();
  }

  #look(): number {
    this.#recent = performance.now();
    this.#readings = READINGS;
    if (!this.#isTimerSet) {
      this.#isTimerSet = true;
      const timer = setTimeout(() => {
        this.#isTimerSet = false;
        this.#readings = 0;
      }, 1);
      timer.unref?.();
    }
    return this.#recent;
  }
}

/** Bounds how far time stands still in a long turn. */
const READINGS = 64;
