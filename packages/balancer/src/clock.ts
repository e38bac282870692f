/**
 * Time as the balancer sees it: milliseconds that never go backwards, and timers that whoever
 * starts them can cancel. A test or a simulation passes its own.
 */
export interface Clock {
  now(): number;
  /** Calls `run` once after the delay; the returned function cancels it and may be called twice. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
