import { expect, test } from "#test";
import { SystemClock } from "./clock.ts";

test("the recent time stands still within a turn and moves with the next", async () => {
  const clock = new SystemClock();
  const before = clock.now();
  const first = clock.recent();
  expect(first).toBeGreaterThanOrEqual(before);
  expect(clock.recent()).toBe(first);
  await new Promise((done) => setTimeout(done, 20));
  expect(clock.recent()).toBeGreaterThan(first);
});

test("the recent time moves in a long turn too", () => {
  const clock = new SystemClock();
  clock.recent();
  const until = clock.now() + 5;
  while (clock.now() < until) {
    // Nothing else runs.
  }
  for (let i = 0; i < 64; i++) clock.recent();
  expect(clock.recent()).toBeGreaterThanOrEqual(until);
});
