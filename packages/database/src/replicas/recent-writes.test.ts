import { expect, test } from "bun:test";
import { RecentWrites } from "./recent-writes.ts";

test("nothing is known before the primary has told where it is", () => {
  const writes = new RecentWrites(5_000);
  expect(writes.allows("ada", 100n, 0)).toBe(false);
  writes.primaryAt(100n, 0, []);
  expect(writes.allows("ada", 100n, 0)).toBe(true);
});

test("who wrote reads from a replica once it has come as far, others as before", () => {
  const writes = new RecentWrites(5_000);
  writes.primaryAt(100n, 0, []);
  writes.wrote("ada");
  expect(writes.allows("ada", 1_000n, 1)).toBe(false);
  expect(writes.allows("bob", 100n, 1)).toBe(true);
  writes.primaryAt(200n, 2, writes.unplaced());
  expect(writes.allows("ada", 199n, 3)).toBe(false);
  expect(writes.allows("ada", 200n, 3)).toBe(true);
});

test("a write while the primary is being asked waits for the next answer", () => {
  const writes = new RecentWrites(5_000);
  const before = writes.unplaced();
  writes.wrote("ada");
  writes.primaryAt(100n, 0, before);
  expect(writes.allows("ada", 1_000n, 1)).toBe(false);
});

test("a replica that is further behind than allowed is left", () => {
  const writes = new RecentWrites(5_000);
  for (let second = 0; second <= 20; second++) writes.primaryAt(BigInt(second), second * 1_000, []);
  expect(writes.allows("ada", 14n, 20_000)).toBe(false);
  expect(writes.allows("ada", 15n, 20_000)).toBe(true);
});

test("what every replica in use is beyond is forgotten", () => {
  const writes = new RecentWrites(5_000);
  writes.wrote("ada");
  writes.primaryAt(1n, 0, writes.unplaced());
  for (let second = 1; second <= 20; second++) writes.primaryAt(BigInt(second), second * 1_000, []);
  // Also for a replica that would lie about it: only the position of all counts now.
  expect(writes.allows("ada", 15n, 20_000)).toBe(true);
  expect(writes.unplaced()).toEqual([]);
});
