import { edgeSecondsOf } from "./series.ts";
import { emptySlot, type Slot, type Taken } from "./slot.ts";
import { TimeRecorder } from "./time-histogram.ts";

/** Of each kind. The application itself has some 250, most of them its statements. */
const maxSeries = 500;
const other = "other";

/** Counts that are added to by whoever bound them. */
export type Count = { value: number };

/** A figure that is taken now and then. */
export class Value {
  #taken: Taken | undefined;

  take(value: number): void {
    if (!Number.isFinite(value)) return;
    this.#taken ??= { count: 0, sum: 0, max: Number.NEGATIVE_INFINITY };
    this.#taken.count++;
    this.#taken.sum += value;
    this.#taken.max = Math.max(this.#taken.max, value);
  }

  /** What was taken since the last call. */
  reset(): Taken | undefined {
    const taken = this.#taken;
    this.#taken = undefined;
    return taken;
  }
}

/**
 * Where the figures of the current second are gathered. A series is bound once by its name and then
 * costs an addition; series beyond 500 of a kind share the name "other".
 */
export class Recorder {
  readonly #onOverflow: () => void;
  readonly #counts = new Map<string, Count>();
  readonly #values = new Map<string, Value>();
  readonly #times = new Map<string, TimeRecorder>();

  /** @param onOverflow a series had no room, and is counted as "other" */
  constructor(onOverflow: () => void = () => {}) {
    this.#onOverflow = onOverflow;
  }

  count(name: string): Count {
    return this.#bind(this.#counts, name, () => ({ value: 0 }));
  }

  value(name: string): Value {
    return this.#bind(this.#values, name, () => new Value());
  }

  time(name: string): TimeRecorder {
    return this.#bind(this.#times, name, () => new TimeRecorder(edgeSecondsOf(name)));
  }

  /** Everything since the last call. */
  take(): Slot {
    const slot = emptySlot();
    for (const [name, count] of this.#counts) {
      if (count.value === 0) continue;
      slot.counts.set(name, count.value);
      count.value = 0;
    }
    for (const [name, value] of this.#values) {
      const taken = value.reset();
      if (taken) slot.values.set(name, taken);
    }
    for (const [name, times] of this.#times) {
      const taken = times.take();
      if (taken) slot.times.set(name, taken);
    }
    return slot;
  }

  #bind<T>(series: Map<string, T>, name: string, make: () => T): T {
    const known = series.get(name);
    if (known) return known;
    if (series.size >= maxSeries && name !== other) {
      this.#onOverflow();
      return this.#bind(series, other, make);
    }
    const made = make();
    series.set(name, made);
    return made;
  }
}
