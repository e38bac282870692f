import { type Priority, priorities } from "./priority.ts";

type Waiter = { priority: Priority; sinceMs: number; settle: (isAdmitted: boolean) => void };

/** A burst may wait this long. */
const burstWaitMs = 250;
/** Once the line has not been empty for this long it is no burst, and who waits must wait less. */
const standingAfterMs = 100;
const standingWaitMs = 5;

/**
 * Those who wait for a place: reads before answers before the rest, each in the order they came.
 *
 * A line that empties again and again is a burst and worth waiting in. One that stands for 100 ms
 * is overload: it only makes everybody late, so then who has waited for 5 ms is turned away.
 */
export class WaitingLine {
  readonly #lines: Record<Priority, Waiter[]> = { read: [], answer: [], low: [] };
  readonly #now: () => number;
  #length = 0;
  #notEmptySinceMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  get length(): number {
    return this.#length;
  }

  /** Whether somebody of this kind or a better one waits. */
  hasAhead(priority: Priority): boolean {
    if (this.#length === 0) return false;
    for (const better of priorities) {
      if (this.#lines[better].length > 0) return true;
      if (better === priority) return false;
    }
    return false;
  }

  /** @returns whether a place became free in time */
  join(priority: Priority): Promise<boolean> {
    const sinceMs = this.#now();
    if (this.#length === 0) this.#notEmptySinceMs = sinceMs;
    return new Promise((settle) => {
      this.#lines[priority].push({ priority, sinceMs, settle });
      this.#length++;
      this.#timer ??= setTimeout(() => this.#expire(), standingWaitMs);
    });
  }

  /** Lets in the first of those whose kind has a place. */
  admit(hasPlace: (priority: Priority) => boolean): boolean {
    if (this.#length === 0) return false;
    for (const priority of priorities) {
      const first = this.#lines[priority][0];
      if (!first || !hasPlace(priority)) continue;
      this.#lines[priority].shift();
      this.#length--;
      first.settle(true);
      return true;
    }
    return false;
  }

  /** Turns everybody away. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const line of Object.values(this.#lines)) {
      for (const waiter of line.splice(0)) waiter.settle(false);
    }
    this.#length = 0;
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#now();
    const isStanding = now - this.#notEmptySinceMs >= standingAfterMs;
    const latest = now - (isStanding ? standingWaitMs : burstWaitMs);
    for (const line of Object.values(this.#lines)) {
      let late = 0;
      while (late < line.length && (line[late] as Waiter).sinceMs <= latest) late++;
      this.#length -= late;
      for (const waiter of line.splice(0, late)) waiter.settle(false);
    }
    if (this.#length > 0) this.#timer = setTimeout(() => this.#expire(), standingWaitMs);
  }
}
