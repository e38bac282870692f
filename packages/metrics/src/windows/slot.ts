import type { StepSeconds } from "./steps.ts";
import { TimeHistogram } from "./time-histogram.ts";

/** Values of a figure that were taken: how many, their sum and the greatest. */
export type Taken = { count: number; sum: number; max: number };

/** What happened in a span of time, by the names of the figures. What is not there did not happen. */
export type Slot = {
  counts: Map<string, number>;
  values: Map<string, Taken>;
  times: Map<string, TimeHistogram>;
};

/** A slot of this server, with when it began. */
export type TimedSlot = { step: StepSeconds; atMs: number; slot: Slot };

export function emptySlot(): Slot {
  return { counts: new Map(), values: new Map(), times: new Map() };
}

/** Adds what `from` has to `into`: of another span, or of the same one on another server. */
export function mergeSlot(into: Slot, from: Slot): void {
  for (const [name, count] of from.counts) {
    into.counts.set(name, (into.counts.get(name) ?? 0) + count);
  }
  for (const [name, taken] of from.values) {
    const known = into.values.get(name);
    if (!known) into.values.set(name, { ...taken });
    else {
      known.count += taken.count;
      known.sum += taken.sum;
      known.max = Math.max(known.max, taken.max);
    }
  }
  for (const [name, histogram] of from.times) {
    const known = into.times.get(name) ?? new TimeHistogram(histogram.edgeSeconds);
    known.merge(histogram);
    into.times.set(name, known);
  }
}
