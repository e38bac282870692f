import { expect, test } from "bun:test";
import fc from "fast-check";
import { DeltaText } from "./delta-text.ts";

/** Text as a broken model may send it: halves of pairs on their own, NUL, all scripts. */
const piece = fc.array(
  fc.oneof(
    fc.constantFrom("a", "é", "漢", "😀", "\ud83d", "\ude00", "\0", "\u200d"),
    fc.string({ unit: "binary", maxLength: 4 }),
  ),
  { maxLength: 6 },
);
const pieces = fc.array(
  piece.map((parts) => parts.join("")),
  { maxLength: 20 },
);

test("pieces add up to the whole text, made well-formed and without NUL", () => {
  fc.assert(
    fc.property(pieces, (given) => {
      const text = new DeltaText(1_000_000);
      const taken = [...given.map((part) => text.push(part)), text.end()];
      for (const part of taken) {
        expect(part.isWellFormed()).toBe(true);
        expect(part).not.toContain("\0");
      }
      expect(taken.join("")).toBe(given.join("").replaceAll("\0", "").toWellFormed());
      expect(text.isFull).toBe(false);
      expect(text.length).toBe(taken.join("").length);
    }),
  );
});

test("a limit cuts the same text off, never within a pair", () => {
  fc.assert(
    fc.property(pieces, fc.nat(20), (given, limit) => {
      const text = new DeltaText(limit);
      let taken = "";
      for (const part of [...given, undefined]) {
        if (text.isFull) break;
        taken += part === undefined ? text.end() : text.push(part);
      }
      const whole = given.join("").replaceAll("\0", "").toWellFormed();
      expect(taken.isWellFormed()).toBe(true);
      expect(whole.startsWith(taken)).toBe(true);
      expect(text.isFull).toBe(whole.length > limit);
      if (text.isFull) expect(limit - taken.length).toBeLessThanOrEqual(1);
      else expect(taken).toBe(whole);
    }),
  );
});
