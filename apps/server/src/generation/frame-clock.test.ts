import { expect, test } from "bun:test";
import { FrameClock } from "./frame-clock.ts";

test("flushes at once after a pause, and once a frame for many writes in one", async () => {
  const clock = new FrameClock(16);
  const flushes: number[] = [];
  const flushed = Promise.withResolvers<void>();
  const target = {
    flush(nowMs: number) {
      flushes.push(nowMs);
      if (flushes.length === 2) flushed.resolve();
    },
  };
  expect(clock.schedule(target, Number.NEGATIVE_INFINITY)).toBe(false);
  expect(flushes).toHaveLength(1);
  expect(clock.schedule(target, flushes[0] as number)).toBe(true);
  await flushed.promise;
  expect(flushes).toHaveLength(2);
});

test("one timer serves all that wait", async () => {
  const clock = new FrameClock(5);
  const order: string[] = [];
  const last = Promise.withResolvers<void>();
  const now = clock.now();
  clock.schedule({ flush: () => order.push("a") }, now);
  clock.schedule({ flush: () => order.push("b") }, now);
  clock.schedule({ flush: () => last.resolve() }, now);
  await last.promise;
  expect(order).toEqual(["a", "b"]);
});
