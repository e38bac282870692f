import { expect, test } from "bun:test";
import fc from "fast-check";
import { RetryBudget } from "./retry-budget.ts";

test("never gives more than the reserve, a share of the requests and a trickle", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 10, noNaN: true }),
      fc.integer({ min: 0, max: 20 }),
      fc.array(fc.record({ passMs: fc.nat(2000), requests: fc.nat(30), takes: fc.nat(30) })),
      (ratio, perSecond, reserve, steps) => {
        const budget = new RetryBudget({ ratio, perSecond, reserve }, 0);
        let now = 0;
        let requests = 0;
        let given = 0;
        for (const step of steps) {
          now += step.passMs;
          for (let at = 0; at < step.requests; at++) budget.request();
          requests += step.requests;
          for (let at = 0; at < step.takes; at++) if (budget.take(now)) given++;
          const earned = reserve + ratio * requests + (perSecond * now) / 1000;
          expect(given).toBeLessThanOrEqual(earned + 1e-6);
        }
      },
    ),
  );
});

test("saves up what 1,000 requests earn, and no more", () => {
  const budget = new RetryBudget({ perSecond: 0 }, 0);
  for (let at = 0; at < 100_000; at++) budget.request();
  let given = 0;
  while (budget.take(0)) given++;
  expect(given).toBe(110);
});

test("gives what it promises: a tenth of steady traffic, and one a second in a quiet pool", () => {
  const busy = new RetryBudget({ perSecond: 0, reserve: 0 }, 0);
  let given = 0;
  for (let at = 0; at < 1000; at++) {
    busy.request();
    if (busy.take(0)) given++;
  }
  expect(given).toBeGreaterThanOrEqual(99);
  const quiet = new RetryBudget({ ratio: 0 }, 0);
  for (let at = 0; at < 10; at++) expect(quiet.take(0)).toBe(true);
  expect(quiet.take(0)).toBe(false);
  for (let second = 1; second <= 60; second++) expect(quiet.take(second * 1000)).toBe(true);
});
