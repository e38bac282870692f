import { expect, test } from "bun:test";
import { Advisor } from "./advisor.ts";
import { resourceAdvice } from "./resource-advice.ts";
import { aReading } from "./testing/a-reading.ts";

const minute = 60_000;

test("advice is given after a while, with since when, and taken back after as long", () => {
  const advisor = new Advisor(resourceAdvice);
  const full = { reading: aReading({ memory: 0.96 }) };
  const fine = { reading: aReading() };
  advisor.observe(full, 0);
  advisor.observe(full, minute);
  expect(advisor.advice).toEqual([]);
  advisor.observe(full, 2 * minute);
  expect(advisor.advice).toMatchObject([
    { id: "memory_short", sinceMs: 0, remedy: { kind: "action", action: "release_memory" } },
  ]);
  expect(advisor.advice[0]?.seen).toStartWith("96 % of the machine's 0.9 GiB is in use");
  advisor.observe(fine, 3 * minute);
  expect(advisor.advice).toHaveLength(1);
  advisor.observe(fine, 4 * minute);
  expect(advisor.advice).toEqual([]);
});

test("what passes before its time is never said, and begins anew", () => {
  const advisor = new Advisor(resourceAdvice);
  advisor.observe({ reading: aReading({ cpu: 1 }) }, 0);
  advisor.observe({ reading: aReading() }, minute);
  advisor.observe({ reading: aReading({ cpu: 1 }) }, 2 * minute);
  advisor.observe({ reading: aReading({ cpu: 1 }) }, 6 * minute);
  expect(advisor.advice).toEqual([]);
  advisor.observe({ reading: aReading({ cpu: 1 }) }, 7 * minute);
  expect(advisor.advice).toMatchObject([{ id: "cpu_short", sinceMs: 2 * minute }]);
});

test("each shortage of a resource has its advice, and a machine at rest has none", () => {
  const rest = aReading();
  const short = {
    ...rest,
    cpu: { ...rest.cpu, fraction: 0.95, throttledFraction: 0.5 },
    memory: { ...rest.memory, fraction: 0.95 },
    disk: { fraction: 0.95, freeBytes: 5, totalBytes: 100 },
    eventLoop: { meanDelayMs: 80, maxDelayMs: 300 },
    files: { fraction: 0.9, open: 900, limit: 1000 },
  };
  expect(resourceAdvice.filter((rule) => rule.look({ reading: rest }) !== null)).toEqual([]);
  expect(resourceAdvice.filter((rule) => rule.look({ reading: short }) === null)).toEqual([]);
});
