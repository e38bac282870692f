import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Recorder } from "./recorder.ts";
import { RollingWindows, type SlotStore } from "./rolling-windows.ts";
import { series } from "./series.ts";
import type { TimedSlot } from "./slot.ts";

const startMs = 1_800_000_000_000;
let nowMs: number;

beforeEach(() => {
  nowMs = startMs;
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Keeps what is saved as it was then, by step and time. */
function memoryStore() {
  const saved = new Map<string, number>();
  const store: SlotStore & { saved: typeof saved; isDown: boolean; prunes: number } = {
    saved,
    isDown: false,
    prunes: 0,
    async save(slots) {
      if (store.isDown) throw new Error("down");
      for (const { step, atMs, slot } of slots) {
        saved.set(`${step}:${atMs - startMs}`, slot.counts.get(series.requests) ?? 0);
      }
    },
    async load() {
      return [];
    },
    async prune() {
      store.prunes++;
    },
  };
  return store;
}

async function open(store: SlotStore) {
  const recorder = new Recorder();
  const errors: unknown[] = [];
  const windows = await RollingWindows.start({
    recorder,
    store,
    onError: (error) => errors.push(error),
    now: () => nowMs,
  });
  const requests = recorder.count(series.requests);
  /** Lets seconds pass with a request in each. */
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      requests.value++;
      nowMs += 1000;
      jest.advanceTimersByTime(1000);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  };
  return { windows, pass, errors };
}

test("seconds are gathered into 15 seconds and 5 minutes, and saved every 15 seconds", async () => {
  const store = memoryStore();
  const { windows, pass } = await open(store);
  await pass(14);
  expect(store.saved.size).toBe(0);
  await pass(1);
  expect(store.saved.get("1:0")).toBe(1);
  expect(store.saved.get("15:0")).toBe(15);
  expect(store.saved.get("300:0")).toBe(15);
  await pass(30);
  expect(store.saved.get("15:30000")).toBe(15);
  expect(store.saved.get("300:0")).toBe(45);
  await windows.stop();
});

test("memory holds five minutes", async () => {
  const { windows, pass } = await open(memoryStore());
  await pass(400);
  expect(windows.seconds).toHaveLength(300);
  expect(windows.seconds.at(-1)?.atMs).toBe(startMs + 399_000);
  await windows.stop();
});

test("what could not be saved is saved later, with nothing lost", async () => {
  const store = memoryStore();
  const { windows, pass, errors } = await open(store);
  store.isDown = true;
  await pass(40);
  expect(errors.length).toBeGreaterThan(0);
  store.isDown = false;
  await pass(5);
  expect(store.saved.get("1:0")).toBe(1);
  expect(store.saved.get("15:15000")).toBe(15);
  expect(store.saved.get("300:0")).toBe(45);
  await windows.stop();
});

test("a database that is away for hours costs seconds alone, and what is held is bounded", async () => {
  const store = memoryStore();
  const { windows, pass } = await open(store);
  const offered: number[] = [];
  store.save = async (slots) => {
    offered.push(slots.length);
    throw new Error("down");
  };
  await pass(6000);
  // 300 of a second, 300 of 15 seconds, 20 of 5 minutes.
  expect(Math.max(...offered)).toBe(620);
  store.save = async (slots) => {
    for (const { step, atMs, slot } of slots) {
      store.saved.set(`${step}:${atMs - startMs}`, slot.counts.get(series.requests) ?? 0);
    }
  };
  await pass(15);
  expect(store.saved.get("300:0")).toBe(300);
  expect(store.saved.get("15:1530000")).toBe(15);
  expect(store.saved.has("1:5000000")).toBe(false);
  expect(store.saved.get("1:6000000")).toBe(1);
  await windows.stop();
});

test("what comes while a save takes its time is kept beside what is tried again", async () => {
  const store = memoryStore();
  const { windows, pass } = await open(store);
  let fail = (_error: Error) => {};
  store.save = () =>
    new Promise((_, reject) => {
      fail = reject;
    });
  // Each try hangs for longer than the time to the next.
  for (let i = 0; i < 30; i++) {
    await pass(20);
    fail(new Error("timed out"));
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  let offered: TimedSlot[] = [];
  store.save = async (slots) => {
    offered = slots;
  };
  await pass(15);
  expect(offered.filter(({ step }) => step === 1)).toHaveLength(300);
  const sums = offered
    .filter(({ step }) => step === 300)
    .map(({ slot }) => slot.counts.get(series.requests));
  expect(sums.slice(0, 2)).toEqual([300, 300]);
  await windows.stop();
});

test("a stop saves the spans that are not over, and a restart goes on with them", async () => {
  const store = memoryStore();
  const first = await open(store);
  await first.pass(20);
  await first.windows.stop();
  expect(store.saved.get("15:15000")).toBe(5);
  const left: TimedSlot[] = [15, 300].map((step) => {
    const recorder = new Recorder();
    recorder.count(series.requests).value = step === 15 ? 5 : 20;
    const atMs = step === 15 ? startMs + 15_000 : startMs;
    return { step: step as 15 | 300, atMs, slot: recorder.take() };
  });
  store.load = async (wanted) => {
    expect(wanted).toEqual(left.map(({ step, atMs }) => ({ step, atMs })));
    return left;
  };
  const second = await open(store);
  await second.pass(10);
  expect(store.saved.get("15:15000")).toBe(15);
  expect(store.saved.get("300:0")).toBe(30);
  await second.windows.stop();
});

test("a process that slept leaves a gap, and no second that is too long", async () => {
  const { windows, pass } = await open(memoryStore());
  await pass(2);
  nowMs += 60_000;
  await pass(2);
  expect(windows.seconds.map(({ atMs }) => (atMs - startMs) / 1000)).toEqual([0, 1, 2, 63]);
  await windows.stop();
});

test("old slots are forgotten once a minute", async () => {
  const store = memoryStore();
  const { windows, pass } = await open(store);
  await pass(180);
  expect(store.prunes).toBe(3);
  await windows.stop();
});
