import { type Priority, priorities } from "./priority.ts";

type Waiter = { sinceMs: number; settle: (isAdmitted: boolean) => void };
type Line = { waiters: Waiter[]; notEmptySinceMs: number };

/** A burst may wait this long. */
const burstWaitMs = 250;
/** As many as a server of 4,000 requests a second has caught up with by then. */
const maxBurst = 1_000;
/** Once a line has not been empty for this long it is no burst, and who waits must wait less. */
const standingAfterMs = 250;
const standingWaitMs = 20;
const lookEveryMs = 5;

/**
 * Those who wait for a place: reads before answers before the rest, each in the order they came.
 *
 * A line that empties again and again is a burst and worth waiting in. One that stands for 250 ms
 * is overload: it only makes everybody late, so then who has waited for 20 ms is turned away. Each
 * kind has a line of its own: those that can wait may stand there for long, and no read has to
 * go for it.
 */
export class WaitingLine {
  readonly #lines: Record<Priority, Line> = { read: newLine(), answer: newLine(), low: newLine() };
  readonly #now: () => number;
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Whether one more of this kind is too many.
   *
   * @param limit of those in flight: a standing line that is longer only costs
   */
  isFull(priority: Priority, limit: number): boolean {
    if (this.#length >= maxBurst) return true;
    const line = this.#lines[priority];
    return line.waiters.length >= limit && isStanding(line, this.#now());
  }

  /** Whether somebody of this kind or a better one waits. */
  hasAhead(priority: Priority): boolean {
    if (this.#length === 0) return false;
    for (const better of priorities) {
      if (this.#lines[better].waiters.length > 0) return true;
      if (better === priority) return false;
    }
    return false;
  }

  /** @returns whether a place became free in time */
  join(priority: Priority): Promise<boolean> {
    const sinceMs = this.#now();
    const line = this.#lines[priority];
    if (line.waiters.length === 0) line.notEmptySinceMs = sinceMs;
    return new Promise((settle) => {
      line.waiters.push({ sinceMs, settle });
      this.#length++;
      this.#timer ??= setTimeout(() => this.#expire(), lookEveryMs);
    });
  }

  /** Lets in the first of those whose kind has a place. */
  admit(hasPlace: (priority: Priority) => boolean): boolean {
    if (this.#length === 0) return false;
    for (const priority of priorities) {
      const { waiters } = this.#lines[priority];
      if (waiters.length === 0 || !hasPlace(priority)) continue;
      this.#length--;
      waiters.shift()?.settle(true);
      return true;
    }
    return false;
  }

  /** Turns everybody away. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { waiters } of Object.values(this.#lines)) {
      for (const waiter of waiters.splice(0)) waiter.settle(false);
    }
    this.#length = 0;
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#now();
    for (const line of Object.values(this.#lines)) {
      const latest = now - (isStanding(line, now) ? standingWaitMs : burstWaitMs);
      let late = 0;
      while (late < line.waiters.length && (line.waiters[late] as Waiter).sinceMs <= latest) late++;
      this.#length -= late;
      for (const waiter of line.waiters.splice(0, late)) waiter.settle(false);
    }
    if (this.#length > 0) this.#timer = setTimeout(() => this.#expire(), lookEveryMs);
  }
}

function newLine(): Line {
  return { waiters: [], notEmptySinceMs: 0 };
}

function isStanding({ waiters, notEmptySinceMs }: Line, nowMs: number): boolean {
  return waiters.length > 0 && nowMs - notEmptySinceMs >= standingAfterMs;
}
