import type { Clock } from "../clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * Time that stands still until it is told to pass. Timers run in the order of their times, and in
 * the order in which they were started where those are the same.
 */
export class VirtualClock implements Clock {
  readonly #timers: Timer[] = [];
  #nowMs = 0;
  #order = 0;
  #live = 0;

  readonly now = (): number => this.#nowMs;

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#live;
  }

  readonly after = (delayMs: number, run: () => void): (() => void) => {
    const timer: Timer = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#live++;
    push(this.#timers, timer);
    return () => {
      if (timer.run !== undefined) this.#live--;
      timer.run = undefined;
    };
  };

  /** Lets time pass, with everything that promises do after each timer. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await settlePromises();
    while (this.runNext(untilMs)) await settlePromises();
    this.#nowMs = untilMs;
  }

  /** Goes to the next timer and runs it; says whether there was one by then. */
  runNext(untilMs: number): boolean {
    for (;;) {
      const timer = this.#timers[0];
      if (timer === undefined || timer.atMs > untilMs) return false;
      pop(this.#timers);
      const { run } = timer;
      if (run === undefined) continue;
      timer.run = undefined;
      this.#live--;
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      run();
      return true;
    }
  }
}

/** Waits until no promise has anything left to do. */
export function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt] as Timer;
    if (!isBefore(timer, parent)) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let childAt = 2 * at + 1;
    const child = heap[childAt];
    if (child === undefined) break;
    const other = heap[childAt + 1];
    if (other !== undefined && isBefore(other, child)) childAt++;
    const least = heap[childAt] as Timer;
    if (!isBefore(least, last)) break;
    heap[at] = least;
    at = childAt;
  }
  heap[at] = last;
}
