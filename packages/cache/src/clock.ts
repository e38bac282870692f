/** Time as this package needs it, handed in so that tests can hold it. */
export interface Clock {
  /** Milliseconds that never go backwards, of this process alone. */
  now(): number;
  /** Milliseconds since 1970, comparable between machines. */
  wall(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
};
