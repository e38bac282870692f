import { describe, expect, test } from "#test";
import { compileGlob, escapeGlob, parsePattern } from "./pattern.ts";

describe("patterns", () => {
  test("that end at a colon are prefixes", () => {
    expect(parsePattern("conversation:42:*")).toEqual({
      kind: "prefix",
      prefix: "conversation:42",
    });
    expect(parsePattern("conversation:42:7")).toEqual({
      kind: "prefix",
      prefix: "conversation:42:7",
    });
    expect(parsePattern("conversation:*")).toEqual({ kind: "prefix", prefix: "conversation" });
  });

  test("of any other kind are globs", () => {
    for (const glob of ["conversation:4*", "*:42:*", "conversation:?:7", "a:[0-9]:*", "a\\*:*"]) {
      expect(parsePattern(glob)).toEqual({ kind: "glob", glob });
    }
  });

  test("that match everything are refused", () => {
    for (const pattern of ["*", "**", "*:*", "*:*:*", "?*", ":*"]) {
      expect(() => parsePattern(pattern)).toThrow("matches everything");
    }
  });

  test("that are empty, long or broken are refused", () => {
    expect(() => parsePattern("")).toThrow("1 to 1024");
    expect(() => parsePattern("x".repeat(2000))).toThrow("1 to 1024");
    expect(() => parsePattern("a\u0000b*")).toThrow("control character");
    expect(() => parsePattern("a[bc")).toThrow("without its ]");
    expect(() => parsePattern("a[z-a]")).toThrow("out of order");
  });

  test("match as Redis matches", () => {
    const cases: [string, string, boolean][] = [
      ["h?llo", "hello", true],
      ["h?llo", "hllo", false],
      ["h*llo", "heeeello", true],
      ["h[ae]llo", "hallo", true],
      ["h[^e]llo", "hello", false],
      ["h[^e]llo", "hallo", true],
      ["h[a-b]llo", "hcllo", false],
      ["a\\*b", "a*b", true],
      ["a\\*b", "axb", false],
      ["a.c", "abc", false],
      ["a(b)+$", "a(b)+$", true],
      ["*:42:*", "conversation:42:7", true],
      ["*:42:*", "conversation:421:7", false],
    ];
    for (const [glob, key, matches] of cases) expect(compileGlob(glob).test(key)).toBe(matches);
  });

  test("made of any text match that text alone once escaped", () => {
    for (const text of ["a*b", "a[b]c", "x?\\", "^[^]"]) {
      expect(compileGlob(escapeGlob(text)).test(text)).toBe(true);
      expect(compileGlob(escapeGlob(text)).test(`${text}x`)).toBe(false);
    }
  });

  test("with many stars do not take for ever", () => {
    const started = performance.now();
    compileGlob("a".repeat(20).split("").join("****")).test("a".repeat(200));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
