import { expect, test } from "bun:test";
import { AdaptiveLimit } from "./adaptive-limit.ts";
import { Baseline } from "./baseline.ts";

/**
 * A server that works on one request at a time, each for 2 ms: 500 a second at most. Arrivals come
 * evenly; those beyond the limit are refused at no cost.
 */
function simulate(limit: AdaptiveLimit, baseline: Baseline, perSecond: number, fromMs: number) {
  const serviceMs = 2;
  const durationMs = 20_000;
  const ends: { atMs: number; tookMs: number }[] = [];
  let freeAtMs = fromMs;
  let done = 0;
  const tookMs: number[] = [];
  for (let atMs = fromMs; atMs < fromMs + durationMs; atMs += 1000 / perSecond) {
    while (ends[0] && ends[0].atMs <= atMs) {
      const end = ends.shift()!;
      const inFlight = ends.length + 1;
      limit.observe(end.atMs, end.tookMs, baseline, inFlight);
      // The first half is for learning.
      if (end.atMs > fromMs + durationMs / 2) {
        done++;
        tookMs.push(end.tookMs);
      }
    }
    if (ends.length >= limit.limit) continue;
    freeAtMs = Math.max(freeAtMs, atMs) + serviceMs;
    ends.push({ atMs: freeAtMs, tookMs: freeAtMs - atMs });
  }
  tookMs.sort((a, b) => a - b);
  return {
    perSecond: done / (durationMs / 2000),
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0,
  };
}

test("at three times the capacity the server stays busy, and what is taken in is answered soon", () => {
  const baseline = new Baseline();
  const limit = new AdaptiveLimit({ initial: 1000 });
  simulate(limit, baseline, 100, 0);
  const overload = simulate(limit, baseline, 1500, 20_000);
  expect(overload.perSecond).toBeGreaterThan(490);
  expect(overload.p99Ms).toBeLessThan(100);
});

test("an overload of minutes teaches no more than what requests take at the least limit", () => {
  const baseline = new Baseline();
  const limit = new AdaptiveLimit();
  simulate(limit, baseline, 100, 0);
  let last = { p99Ms: 0 };
  for (let round = 1; round <= 6; round++) last = simulate(limit, baseline, 1500, round * 20_000);
  expect(baseline.ms).toBeLessThan(16 * 2);
  expect(last.p99Ms).toBeLessThan(100);
  expect(simulate(limit, baseline, 400, 140_000).perSecond).toBeGreaterThan(395);
});

test("the limit is not raised by requests that do not use it", () => {
  const limit = new AdaptiveLimit({ initial: 50 });
  simulate(limit, new Baseline(), 100, 0);
  expect(limit.limit).toBe(50);
});

/** The baseline of what takes 1 ms. */
function quickBaseline(): Baseline {
  const baseline = new Baseline();
  baseline.observe(1, false);
  return baseline;
}

test("it stays within its bounds", () => {
  const limit = new AdaptiveLimit({ initial: 20, min: 10, max: 30 });
  const quick = quickBaseline();
  for (let i = 0; i < 10_000; i++) limit.observe(i * 20, 1, new Baseline(), 30);
  expect(limit.limit).toBe(30);
  for (let i = 0; i < 10_000; i++) limit.observe(1e6 + i * 20, 5000, quick, 30);
  expect(limit.limit).toBe(10);
});

test("one request in a hundred that hangs changes nothing", () => {
  const limit = new AdaptiveLimit({ initial: 100 });
  const quick = quickBaseline();
  for (let i = 0; i < 10_000; i++) limit.observe(i * 10, i % 100 === 0 ? 60_000 : 1, quick, 20);
  expect(limit.limit).toBe(100);
});

test("what became slow by itself is learnt, and no longer holds the limit down", () => {
  const limit = new AdaptiveLimit({ initial: 100 });
  const baseline = quickBaseline();
  for (let i = 0; i < 2000; i++) limit.observe(i * 10, 300, baseline, limit.limit);
  expect(limit.limit).toBeGreaterThan(30);
});
