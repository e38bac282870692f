import { expect, test } from "bun:test";
import { Pressure, type PressureLevel } from "./pressure.ts";
import { aReading } from "./testing/a-reading.ts";

const thresholds = { memoryThreshold: 0.8, cpuThreshold: 0.7 };

/** Shows the same reading each second, and gives the levels that were entered, with when. */
function run(pressure: Pressure, parts: Parameters<typeof aReading>[0], from: number, to: number) {
  const entered: [number, PressureLevel][] = [];
  for (let second = from; second < to; second++) {
    const before = pressure.verdict.level;
    pressure.observe(aReading({ ...parts, atMs: second * 1000 }));
    const { level } = pressure.verdict;
    if (level !== before) entered.push([second, level]);
  }
  return entered;
}

test("memory that runs out climbs every level in order, one every two seconds", () => {
  const entered = run(new Pressure(thresholds, 0), { memory: 0.99 }, 0, 30);
  expect(entered.map(([, level]) => level)).toEqual([
    "background_waits",
    "caches_shrink",
    "low_priority_refused",
    "answers_refused",
  ]);
  const times = entered.map(([second]) => second);
  for (let i = 1; i < times.length; i++)
    expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(2);
});

test("memory that is tight, but not nearly out, costs caches and refuses nobody", () => {
  const pressure = new Pressure(thresholds, 0);
  run(pressure, { memory: 0.9 }, 0, 120);
  expect(pressure.verdict.level).toBe("caches_shrink");
  expect(pressure.isAtLeast("background_waits")).toBe(true);
  expect(pressure.isAtLeast("low_priority_refused")).toBe(false);
});

test("a CPU that is used up refuses what can wait, and never an answer", () => {
  const pressure = new Pressure(thresholds, 0);
  run(pressure, { cpu: 1 }, 0, 120);
  expect(pressure.verdict.level).toBe("low_priority_refused");
  expect(pressure.verdict.causes.map((cause) => cause.resource)).toEqual(["cpu"]);
});

test("a late event loop makes background work wait", () => {
  const pressure = new Pressure(thresholds, 0);
  run(pressure, { delayMs: 200 }, 0, 60);
  expect(pressure.verdict.level).toBe("background_waits");
});

test("one bad second is nothing", () => {
  const pressure = new Pressure(thresholds, 0);
  run(pressure, {}, 0, 10);
  run(pressure, { cpu: 1, memory: 0.95 }, 10, 11);
  expect(pressure.verdict).toMatchObject({ level: "normal", causes: [] });
});

test("just below the threshold it stays, well below it comes down one level every five seconds", () => {
  const pressure = new Pressure(thresholds, 0);
  run(pressure, { memory: 0.99 }, 0, 30);
  expect(run(pressure, { memory: 0.78 }, 30, 90).at(-1)?.[1]).toBe("caches_shrink");
  expect(pressure.verdict.level).toBe("caches_shrink");
  const entered = run(pressure, { memory: 0.4 }, 90, 130);
  expect(entered.map(([, level]) => level)).toEqual(["background_waits", "normal"]);
  expect(entered[1]![0] - entered[0]![0]).toBe(5);
});

test("background work waits until all is normal again, or until it is told to stop", async () => {
  const pressure = new Pressure(thresholds, 0);
  const never = new AbortController().signal;
  await pressure.untilNormal(never);
  run(pressure, { cpu: 0.8 }, 0, 30);

  let isReleased = false;
  const waits = pressure.untilNormal(never).then(() => {
    isReleased = true;
  });
  const stopping = new AbortController();
  const stopped = pressure.untilNormal(stopping.signal);
  stopping.abort();
  await stopped;
  expect(isReleased).toBe(false);

  run(pressure, { cpu: 0.1 }, 30, 60);
  await waits;
  expect(isReleased).toBe(true);
});

test("a change is told once, with where it came from", () => {
  const changes: string[] = [];
  const onChange = (verdict: { level: string }, before: string) =>
    void changes.push(`${before} > ${verdict.level}`);
  const pressure = new Pressure({ ...thresholds, onChange }, 0);
  run(pressure, { cpu: 0.8 }, 0, 30);
  run(pressure, { cpu: 0 }, 30, 60);
  expect(changes).toEqual(["normal > background_waits", "background_waits > normal"]);
});
