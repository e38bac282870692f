import type { Clock } from "../clock.ts";

/** A clock that stands still until it is told to move. */
export class HeldClock implements Clock {
  ms = 1000;

  now(): number {
    return this.ms;
  }

  recent(): number {
    return this.ms;
  }

  wall(): number {
    return this.ms + 1_700_000_000_000;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}
