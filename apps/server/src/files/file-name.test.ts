import { expect, test } from "bun:test";
import { requireFileName } from "./file-name.ts";

test.each([
  "report.pdf",
  "a b.txt",
  "résumé.md",
  "報告.pdf",
  "دليل.txt",
  "..hidden",
  "a..b",
  "🦅.png",
])("%s is a name", (name) => expect(requireFileName(name)).toBe(name.normalize("NFC")));

test("space around a name is dropped, and one way of writing an accent is kept", () => {
  expect(requireFileName("  a.txt ")).toBe("a.txt");
  expect(requireFileName("re\u0301sume\u0301")).toBe("résumé");
});

test.each([
  ["", "is empty"],
  ["   ", "is empty"],
  ["x".repeat(4096), "has 4096 characters, above 255"],
  ["..", "is a path"],
  ["../../etc/passwd", "is a path"],
  ["a\\b", "is a path"],
  ["a\0b.txt", "characters that are not shown"],
  ["a\nb", "characters that are not shown"],
  ["photo\u202egpj.exe", "characters that are not shown"],
  ["a\u200fb", "characters that are not shown"],
  ["a\ud800b", "characters that are not shown"],
])("%j is none: it %s", (name, problem) => {
  expect(() => requireFileName(name)).toThrow(problem);
});
