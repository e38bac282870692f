import { expect, test } from "bun:test";
import { LagFloor } from "./lag-floor.ts";

test("nothing is known before the primary has told where it is", () => {
  const floor = new LagFloor(5_000);
  expect(floor.at(0)).toBeUndefined();
  floor.primaryAt(100n, 0);
  expect(floor.at(0)).toBe(100n);
});

test("the floor follows the primary at the distance that is allowed", () => {
  const floor = new LagFloor(5_000);
  for (let second = 0; second <= 20; second++) floor.primaryAt(BigInt(second), second * 1_000);
  expect(floor.at(20_000)).toBe(15n);
  expect(floor.at(20_999)).toBe(15n);
  expect(floor.at(21_000)).toBe(16n);
});

test("while the primary does not answer, the floor rises to where it was last", () => {
  const floor = new LagFloor(5_000);
  floor.primaryAt(1n, 0);
  floor.primaryAt(2n, 1_000);
  expect(floor.at(60_000)).toBe(2n);
});
