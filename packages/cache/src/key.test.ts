import fc from "fast-check";
import { describe, expect, test } from "#test";
import { addressOf, type KeyParts, restOfKey } from "./key.ts";
import { resolveType, typed } from "./type-table.ts";

const base = { lifetimeMs: 1, layer: "memory", value: typed<number>() } as const;
const one = resolveType("thing", { ...base, key: ["id"] });
const two = resolveType("thing", { ...base, key: ["id", "page"] });

function passes(type: typeof one, parts: Record<string, unknown>): boolean {
  try {
    addressOf(type, parts as KeyParts);
    return true;
  } catch {
    return false;
  }
}

describe("keys", () => {
  test("carry the owner first", () => {
    const first = { key: "thing:42:a", owner: "42", rest: "a" };
    expect(addressOf(one, { owner: 42, id: "a" })).toEqual(first);
    const second = { key: "thing:u:a:3", owner: "u", rest: "a:3" };
    expect(addressOf(two, { owner: "u", id: "a", page: 3 })).toEqual(second);
  });

  test("without an owner are refused", () => {
    expect(() => addressOf(one, { id: "a" })).toThrow("owner of a thing key is undefined");
    expect(() => addressOf(one, { owner: "", id: "a" })).toThrow("0 characters");
    expect(() => addressOf(one, { owner: "undefined", id: "a" })).toThrow("missing");
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
        // A hit looks for the parts of `b` unchecked.
        const at = addressOf(two, a);
        expect(at.owner === b.owner && at.rest === restOfKey(two, b)).toBe(same);
        if (passes(two, b)) expect(at.key === addressOf(two, b).key).toBe(same);
      }),
    );
  });
});
