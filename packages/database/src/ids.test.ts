import { afterEach, expect, setSystemTime, test } from "bun:test";
import { newId } from "./ids.ts";

afterEach(() => {
  setSystemTime();
});

const format = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("makes UUIDv7 with the time in front", () => {
  const before = Date.now();
  const id = newId();
  expect(id).toMatch(format);
  const ms = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  expect(ms).toBeGreaterThanOrEqual(before);
  expect(ms).toBeLessThanOrEqual(Date.now() + 1);
});

test("each is greater than the one before, also more than fit into a millisecond", () => {
  setSystemTime(new Date(Date.now() + 10_000));
  const ids = Array.from({ length: 20_000 }, newId);
  expect(ids.every((id) => format.test(id))).toBe(true);
  expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] as string))).toBe(true);
});

test("the order holds when the clock is set back", () => {
  const first = newId();
  setSystemTime(new Date(Date.now() - 3_600_000));
  expect(newId() > first).toBe(true);
});
