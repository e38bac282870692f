import fc from "fast-check";
import { describe, expect, test } from "#test";
import { checkKey, makeKey } from "./key.ts";
import { resolveType, typed } from "./type-table.ts";

const base = { lifetimeMs: 1, layer: "memory", value: typed<number>() } as const;
const one = resolveType("thing", { ...base, key: ["id"] });
const two = resolveType("thing", { ...base, key: ["id", "page"] });

function passes(type: typeof one, parts: Record<string, unknown>): boolean {
  try {
    checkKey(type, parts);
    return true;
  } catch {
    return false;
  }
}

describe("keys", () => {
  test("carry the owner first", () => {
    expect(makeKey(one, { owner: 42, id: "a" })).toBe("thing:42:a");
    expect(makeKey(two, { owner: "u", id: "a", page: 3 })).toBe("thing:u:a:3");
  });

  test("without an owner are refused", () => {
    expect(() => checkKey(one, { id: "a" })).toThrow("owner of a thing key is undefined");
    expect(() => checkKey(one, { owner: "", id: "a" })).toThrow("0 characters");
    expect(() => checkKey(one, { owner: "undefined", id: "a" })).toThrow("missing");
  });

  test("with control characters, colons, or 10 kB are refused", () => {
    for (const id of ["a\nb", "a\u0000", "a:b", " ", "x".repeat(10_240), "\ud800"]) {
      expect(passes(one, { owner: "u", id })).toBe(false);
    }
    for (const id of [1.5, Number.NaN, 2 ** 60, null, {}, ["a"]]) {
      expect(passes(one, { owner: "u", id })).toBe(false);
    }
  });

  test("of different parts are different, and a bad one equals no good one", () => {
    const part = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.constantFrom("a", "a:b", "b", "", ":", "undefined"),
    );
    const parts = fc.record({ owner: part, id: part, page: part });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        if (!passes(two, a)) return;
        const same = a.owner === b.owner && a.id === b.id && a.page === b.page;
        expect(makeKey(two, a) === makeKey(two, b)).toBe(same);
      }),
    );
  });
});
