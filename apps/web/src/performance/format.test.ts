import { expect, test } from "bun:test";
import { ago, amount, bytes, count, exactPercent, formatOf, percent, seconds } from "./format.ts";

test("figures have a unit that suits their size", () => {
  expect([0.00005, 0.0012, 0.25, 2.5, 90].map(seconds)).toEqual([
    "50 µs",
    "1.20 ms",
    "250 ms",
    "2.50 s",
    "90.0 s",
  ]);
  expect([0, 0.004, 0.5, 1].map(percent)).toEqual(["0 %", "0.40 %", "50 %", "100 %"]);
  expect([0, 1.25, 250.4, 12_345].map(amount)).toEqual(["0", "1.3", "250", "12.3 k"]);
  expect([0, 0.0001236, 0.9996, 1].map(exactPercent)).toEqual([
    "0 %",
    "0.01236 %",
    "99.96 %",
    "100 %",
  ]);
  expect([0, 1234567].map(count)).toEqual(["0", "1,234,567"]);
  expect([2048, 5 * 1024 ** 2, 3 * 1024 ** 3].map(bytes)).toEqual(["2 KiB", "5 MiB", "3.0 GiB"]);
});

test("alerts speak in the unit of their figure", () => {
  const told = (["seconds", "fraction", "count", "per second", "days", null] as const).map((unit) =>
    formatOf(unit)(0.8),
  );
  expect(told).toEqual(["800 ms", "80 %", "0.8", "0.8 a second", "0.8 days", "0.8"]);
});

test("unknown is a dash, and not a zero", () => {
  for (const format of [seconds, percent, exactPercent, amount, count, bytes]) {
    expect([format(null), format(undefined)]).toEqual(["–", "–"]);
  }
});

test("what passed is told coarsely", () => {
  const nowMs = Date.parse("2026-01-02T00:00:00Z");
  expect(ago("2026-01-01T23:59:30Z", nowMs)).toBe("30 s ago");
  expect(ago("2026-01-01T23:00:00Z", nowMs)).toBe("60 min ago");
  expect(ago("2026-01-01T00:00:00Z", nowMs)).toBe("24 h ago");
  expect(ago("2025-12-25T00:00:00Z", nowMs)).toBe("8 days ago");
});
