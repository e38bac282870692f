import { expect, test } from "bun:test";
import { groupByDay } from "./group-by-day.ts";

const now = new Date(2026, 2, 10, 9, 30);
const at = (...parts: [number, number, number, number?, number?]) => ({
  updatedAt: new Date(...parts).toISOString(),
});
const labels = (items: { updatedAt: string }[]) =>
  groupByDay(items, now, "en").map((group) => [group.label, group.items.length]);

test("cuts at local midnight, a week back, and by month", () => {
  expect(
    labels([
      at(2026, 2, 10, 9, 29),
      at(2026, 2, 10, 0, 0),
      at(2026, 2, 9, 23, 59),
      at(2026, 2, 9, 0, 0),
      at(2026, 2, 8, 23, 59),
      at(2026, 2, 3, 0, 0),
      at(2026, 2, 2, 23, 59),
      at(2026, 1, 28),
      at(2025, 11, 31),
      at(2025, 11, 1),
    ]),
  ).toEqual([
    ["Today", 2],
    ["Yesterday", 2],
    ["Previous 7 days", 2],
    ["March", 1],
    ["February", 1],
    ["December 2025", 2],
  ]);
});

test("a future date counts as today, and nothing gives no groups", () => {
  expect(labels([at(2026, 2, 11)])).toEqual([["Today", 1]]);
  expect(labels([])).toEqual([]);
});
