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

/** Requests as people make them: of one kind half come from a cache and half do not. */
const kinds = [
  { share: 0.6, workMs: () => 0.8 * exponential() },
  { share: 0.25, workMs: () => 1.5 * exponential() },
  { share: 0.15, workMs: () => (random() < 0.5 ? 0.2 : 8) },
];
const meanWorkMs = 0.6 * 0.8 + 0.25 * 1.5 + 0.15 * 4.1;
let seed = 1;

function random(): number {
  seed = (seed * 16_807) % 2_147_483_647;
  return seed / 2_147_483_647;
}

function exponential(): number {
  return -Math.log(random());
}

/**
 * Two cores that all who are in flight share, as a database does, and that stand still for 80 ms of
 * every 400. Arrivals come by chance, at a share of what the cores can do.
 */
class SharedCores {
  readonly #limit = new AdaptiveLimit();
  readonly #baselines = kinds.map(() => new Baseline());
  #nowMs = 0;

  run(load: number, seconds: number) {
    const perMs = (0.8 * 2) / meanWorkMs;
    const endMs = this.#nowMs + seconds * 1000;
    let jobs: { leftMs: number; startedMs: number; kind: number }[] = [];
    const tookMs: number[] = [];
    let nextMs = this.#nowMs;
    let offered = 0;
    let refused = 0;
    while (this.#nowMs < endMs) {
      const intoCycleMs = this.#nowMs % 400;
      const speed = intoCycleMs < 80 || jobs.length === 0 ? 0 : Math.min(1, 2 / jobs.length);
      const edgeMs = this.#nowMs - intoCycleMs + (intoCycleMs < 80 ? 80 : 400) + 1e-6;
      const firstMs = speed && this.#nowMs + Math.min(...jobs.map((job) => job.leftMs)) / speed;
      const untilMs = Math.min(firstMs || Number.POSITIVE_INFINITY, nextMs, edgeMs);
      for (const job of jobs) job.leftMs -= (untilMs - this.#nowMs) * speed;
      this.#nowMs = untilMs;
      const inFlight = jobs.length;
      for (const { leftMs, startedMs, kind } of jobs) {
        if (leftMs > 1e-9) continue;
        tookMs.push(this.#nowMs - startedMs);
        const baseline = this.#baselines[kind]!;
        this.#limit.observe(this.#nowMs, this.#nowMs - startedMs, baseline, inFlight);
      }
      jobs = jobs.filter((job) => job.leftMs > 1e-9);
      if (nextMs > this.#nowMs) continue;
      nextMs += exponential() / (load * perMs);
      offered++;
      if (jobs.length >= this.#limit.limit) {
        refused++;
        continue;
      }
      const kind = kindOf(random());
      jobs.push({ leftMs: kinds[kind]!.workMs(), startedMs: this.#nowMs, kind });
    }
    tookMs.sort((a, b) => a - b);
    return {
      goodput: tookMs.length / (perMs * seconds * 1000),
      refusedShare: refused / offered,
      p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0,
    };
  }
}

function kindOf(chance: number): number {
  return chance < 0.6 ? 0 : chance < 0.85 ? 1 : 2;
}

test("a machine that stands still now and then keeps what it can bear, and stays busy at three times", () => {
  const cores = new SharedCores();
  cores.run(0.3, 10);
  expect(cores.run(0.8, 20).refusedShare).toBeLessThan(0.02);
  const overload = cores.run(3, 40);
  expect(overload.goodput).toBeGreaterThan(0.95);
  expect(overload.p99Ms).toBeLessThan(500);
  expect(cores.run(0.8, 20).refusedShare).toBeLessThan(0.05);
});

test("what is quick half of the time is not taken to be quick always", () => {
  const baseline = new Baseline();
  for (let i = 0; i < 10_000; i++) baseline.observe(i % 2 === 0 ? 1 : 21, false);
  expect(baseline.ms).toBeWithin(8, 14);
  for (let i = 0; i < 10_000; i++) baseline.observe(i % 2 === 0 ? 10 : 210, true);
  expect(baseline.ms).toBeWithin(8, 14);
});
