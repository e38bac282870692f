import { expect, test } from "bun:test";
import { TimeHistogram, TimeRecorder } from "./time-histogram.ts";

function histogramOf(values: number[]): TimeHistogram {
  const recorder = new TimeRecorder();
  for (const value of values) recorder.observe(value);
  return recorder.take() ?? new TimeHistogram();
}

/** Evenly from a millisecond to a second, and some far out. */
const samples = [...Array.from({ length: 1000 }, (_, i) => (i + 1) / 1000), 5, 20, 90];

test.each([0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1])("quantile %d is within 4.5 %%", (share) => {
  const exact = samples.toSorted((a, b) => a - b)[Math.ceil(share * samples.length) - 1]!;
  const estimate = histogramOf(samples).quantile(share)!;
  expect(Math.abs(estimate / exact - 1)).toBeLessThan(0.045);
});

test("merging histograms is the same as counting everything in one", () => {
  const merged = histogramOf(samples.filter((_, i) => i % 3 === 0));
  merged.merge(histogramOf(samples.filter((_, i) => i % 3 !== 0)));
  const whole = histogramOf(samples);
  expect(new Map(merged.buckets)).toEqual(new Map(whole.buckets));
  expect(merged.count).toBe(whole.count);
});

test("the average of percentiles is not the percentile: one slow server of two shows", () => {
  const fast = histogramOf(Array(900).fill(0.01));
  fast.merge(histogramOf(Array(100).fill(4)));
  expect(fast.quantile(0.5)).toBeCloseTo(0.01, 2);
  expect(fast.quantile(0.95)).toBeWithin(3.8, 4.2);
});

test.each([2, 5])(
  "a percentile is above an edge of %d s if and only if the true one is",
  (edge) => {
    const highestOf = (seconds: number) => {
      const recorder = new TimeRecorder(edge);
      for (const each of [edge / 10, seconds]) recorder.observe(each);
      return recorder.take()?.quantile(1) ?? Number.NaN;
    };
    expect(highestOf(edge)).toBeLessThan(edge);
    expect(highestOf(edge * 1.000001)).toBeGreaterThan(edge);
  },
);

test("histograms of other buckets are not merged", () => {
  const other = new TimeHistogram(5, new Map([[160, 1]]));
  expect(() => new TimeHistogram().merge(other)).toThrow("other buckets");
});

test("nothing has no quantile, and nonsense ends in the first bucket and not in an error", () => {
  expect(new TimeHistogram().quantile(0.5)).toBeNull();
  expect(new TimeRecorder().take()).toBeNull();
  expect(histogramOf([0, -1, Number.NaN]).count).toBe(3);
  expect(histogramOf([1e9]).quantile(1)).toBeWithin(400, 600);
});

test("taking empties it", () => {
  const recorder = new TimeRecorder();
  recorder.observe(1);
  expect(recorder.take()?.count).toBe(1);
  expect(recorder.take()).toBeNull();
});
