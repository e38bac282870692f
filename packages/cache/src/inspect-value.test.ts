import fc from "fast-check";
import { describe, expect, test } from "#test";
import { inspectValue } from "./inspect-value.ts";

describe("values", () => {
  test("that JSON would lose or change are refused, with the place", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const cases: [unknown, string][] = [
      [{ a: [1, { b: 10n }] }, "value.a[1].b is a bigint"],
      [{ a: Number.NaN }, "value.a is NaN"],
      [{ a: new Date() }, "value.a is a Date"],
      [{ a: new Map() }, "value.a is a Map"],
      [[undefined], "value[0] is undefined"],
      [() => 1, "value is a function"],
      [{ a: Symbol("x") }, "value.a is a symbol"],
      [cyclic, "contains itself"],
      [new Uint8Array(2), "value is a Uint8Array"],
      [{ toJSON: () => 1 }, "toJSON"],
    ];
    for (const [value, message] of cases) expect(() => inspectValue(value)).toThrow(message);
  });

  test("that pass come back from JSON the same", () => {
    const anything = fc.anything({ withDate: true, withMap: true, withBigInt: true });
    fc.assert(
      fc.property(fc.oneof(anything, fc.jsonValue()), (value) => {
        try {
          inspectValue(value);
        } catch {
          return;
        }
        if (value === undefined) return;
        const text = JSON.stringify(value);
        expect(JSON.stringify(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(asJsonKeepsIt(value));
      }),
    );
  });

  test("are frozen all the way down", () => {
    const value = { list: [{ n: 1 }] };
    inspectValue(value);
    expect(() => {
      (value.list[0] as { n: number }).n = 2;
    }).toThrow();
  });

  test("weigh about what they take", () => {
    expect(inspectValue("x".repeat(1000))).toBeGreaterThan(1000);
    expect(inspectValue({ a: [1, 2, 3] })).toBeLessThan(300);
  });
});

function asJsonKeepsIt(value: unknown): unknown {
  if (typeof value === "number") return value + 0;
  if (Array.isArray(value)) return value.map(asJsonKeepsIt);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([name, field]) => [name, asJsonKeepsIt(field)]),
  );
}
