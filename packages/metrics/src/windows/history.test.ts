import { expect, test } from "bun:test";
import {
  fittingStep,
  History,
  type HistoryRange,
  HistoryRangeError,
  type ServerSlot,
  storedStepFor,
} from "./history.ts";
import { Recorder } from "./recorder.ts";
import { series } from "./series.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const nowMs = 1_800_000_000_000;

function aSlot(server: string, atMs: number, fill: (recorder: Recorder) => void): ServerSlot {
  const recorder = new Recorder();
  fill(recorder);
  return { server, atMs, slot: recorder.take() };
}

function historyOf(slots: readonly ServerSlot[], range: HistoryRange, atMs = nowMs) {
  const history = new History(range, atMs);
  for (const slot of slots) history.add(slot);
  return { points: [...history.points()], whole: history.whole };
}

test.each([
  [4 * minute, 1, 1],
  [5 * minute + 2000, 1, 1],
  [4 * minute, 60, 15],
  [hour, 15, 15],
  [5 * hour, 300, 300],
  [7 * day, 3600, 300],
])("%d ms back in steps of %d s is read from those of %d s", (backMs, stepSeconds, stored) => {
  const range = { fromMs: nowMs - backMs, toMs: nowMs, stepSeconds };
  expect(storedStepFor(range, nowMs)).toBe(stored as 1 | 15 | 300);
});

test.each([
  ["from", { fromMs: nowMs, toMs: nowMs - 1, stepSeconds: 15 }, "begin before it ends"],
  ["step", { fromMs: nowMs - hour, toMs: nowMs, stepSeconds: 0 }, "whole number"],
  ["step", { fromMs: nowMs - hour, toMs: nowMs, stepSeconds: 1.5 }, "whole number"],
  ["step", { fromMs: nowMs - day, toMs: nowMs, stepSeconds: 15 }, "at most 2000"],
  ["step", { fromMs: nowMs - day, toMs: nowMs, stepSeconds: 100 }, "multiple of 300"],
  ["from", { fromMs: nowMs - 60 * day, toMs: nowMs, stepSeconds: 3600 }, "longer than 30 days"],
  ["step", { fromMs: nowMs - 36_500 * day, toMs: nowMs, stepSeconds: 300 }, "at most 2000"],
])("a wrong %s is refused with what would be right", (field, range, message) => {
  expect(() => storedStepFor(range, nowMs)).toThrow(HistoryRangeError);
  try {
    storedStepFor(range, nowMs);
  } catch (error) {
    expect((error as HistoryRangeError).field as string).toBe(field);
    expect((error as Error).message).toContain(message);
  }
});

test.each([
  [4 * minute, 0, 1],
  [hour, 0, 15],
  [5 * hour, 0, 60],
  [10 * hour, 9 * hour, 300],
  [7 * day, 0, 3600],
  [30 * day, 0, 8700],
])("%d to %d ms back, %d s is the step that fits", (fromBackMs, toBackMs, step) => {
  const range = { fromMs: nowMs - fromBackMs, toMs: nowMs - toBackMs };
  const fitting = fittingStep(range, nowMs, [1, 15, 60, 300, 3600], 300);
  expect(fitting).toBe(step);
  expect(() => storedStepFor({ ...range, stepSeconds: fitting }, nowMs)).not.toThrow();
});

test("no step fits what is too long ago, and that is said of its beginning", () => {
  const range = { fromMs: nowMs - 36_500 * day, toMs: nowMs };
  expect(() => fittingStep(range, nowMs, [300], 300)).toThrow("longer than 30 days");
});

test("a span that is not over is as long as what has been told of it", () => {
  const at = Math.floor(nowMs / (5 * minute)) * 5 * minute;
  const told = (server: string, seconds: number) =>
    aSlot(server, at, (recorder) => {
      recorder.count(series.requests).value = 10 * seconds;
      recorder.count(series.seconds).value = seconds;
    });
  const range = { fromMs: at, toMs: at + 5 * minute, stepSeconds: 300 };
  const [open] = historyOf([told("a", 45), told("b", 30)], range, at + minute).points;
  expect(open?.figures?.throughput).toBeCloseTo((450 + 300) / 45);
  const [over] = historyOf([told("a", 45), told("b", 30)], range, at + 5 * minute).points;
  expect(over?.figures?.throughput).toBeCloseTo((450 + 300) / 300);
});

test("points merge what servers counted: histograms as a whole, connections as a sum, CPU as a mean", () => {
  const at = nowMs - 30_000;
  const busy = (atMs: number) =>
    aSlot("a", atMs, (recorder) => {
      recorder.count(series.requests).value = 95;
      recorder.value(series.connections).take(10);
      recorder.value(series.cpu).take(0.2);
      for (let i = 0; i < 95; i++) recorder.time(series.responseTime).observe(0.01);
    });
  const slow = aSlot("b", at, (recorder) => {
    recorder.count(series.requests).value = 10;
    recorder.count(series.errors).value = 5;
    recorder.value(series.connections).take(4);
    recorder.value(series.cpu).take(0.8);
    for (let i = 0; i < 10; i++) recorder.time(series.responseTime).observe(3);
  });
  const range = { fromMs: at, toMs: at + 30_000, stepSeconds: 30 };
  const { points, whole } = historyOf([busy(at), busy(at + 15_000), slow], range);
  const [point] = points;
  expect(points).toHaveLength(1);
  expect(whole).toEqual(point?.figures ?? null);
  expect(point).toMatchObject({ atMs: at, servers: 2 });
  expect(point?.figures).toMatchObject({ throughput: 200 / 30, connections: 14 });
  expect(point?.figures?.error_rate).toBeCloseTo(5 / 200);
  expect(point?.figures?.cpu).toBeCloseTo(0.4);
  expect(point?.figures?.response_time.p50).toBeCloseTo(0.01, 2);
  expect(point?.figures?.response_time.p99).toBeWithin(2.8, 3.2);
});

test("the whole range is merged as its points are, over the time that somebody told of", () => {
  const at = nowMs - 60_000;
  const told = (atMs: number, seconds: number, count: number) =>
    aSlot("a", atMs, (recorder) => {
      recorder.count(series.requests).value = count;
      for (let i = 0; i < count; i++) recorder.time(series.responseTime).observe(seconds);
    });
  const range = { fromMs: at, toMs: at + 60_000, stepSeconds: 15 };
  const slots = [told(at, 0.01, 90), told(at + 30_000, 1, 10)];
  const { whole } = historyOf(slots, range);
  expect(whole).toMatchObject({ requests: 100, throughput: 100 / 30 });
  // Nine in ten were quick: a mean of the two points' percentiles would say half a second.
  expect(whole?.response_time.p50).toBeCloseTo(0.01, 2);
  expect(whole?.response_time.p95).toBeWithin(0.9, 1.1);
  expect(historyOf([], range).whole).toBeNull();
});

test("a span that nobody told of is null, and not zero", () => {
  const at = nowMs - 60_000;
  const range = { fromMs: at, toMs: at + 45_000, stepSeconds: 15 };
  const { points } = historyOf([aSlot("a", at + 15_000, () => {})], range);
  expect(points.map(({ figures }) => figures?.throughput)).toEqual([undefined, 0, undefined]);
  expect(points[1]?.figures).toMatchObject({ error_rate: null, cpu: null, cache_hit_ratio: {} });
});

test("hit ratios and statements are told by what they are about", () => {
  const at = nowMs - 15_000;
  const slot = aSlot("a", at, (recorder) => {
    recorder.count(`${series.cacheHits}ai_response`).value = 3;
    recorder.count(`${series.cacheMisses}ai_response`).value = 1;
    recorder.count(`${series.cacheMisses}conversation`).value = 2;
    recorder.value(`${series.query}users.find`).take(0.1);
    recorder.value(`${series.query}users.find`).take(0.3);
  });
  const { points } = historyOf([slot], { fromMs: at, toMs: nowMs, stepSeconds: 15 });
  const figures = points[0]?.figures;
  expect(figures?.cache_hit_ratio).toEqual({ ai_response: 0.75, conversation: 0 });
  expect(figures).toMatchObject({ cache_hits: 3, cache_reads: 6 });
  expect(figures?.database).toEqual({ "users.find": { count: 2, mean: 0.2, max: 0.3 } });
});
