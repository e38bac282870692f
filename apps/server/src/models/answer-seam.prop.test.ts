import { expect, test } from "bun:test";
import fc from "fast-check";
import { AnswerSeam } from "./answer-seam.ts";
import { waysToContinue } from "./continue-with.ts";

/** Text in which white space is as frequent as letters. */
const text = fc
  .array(fc.constantFrom("a", "b", "ab", "é", "😀", " ", "  ", "\n", "\t", "\u00a0"), {
    maxLength: 30,
  })
  .map((parts) => parts.join(""));

/** A text cut into pieces at random places. */
function cut(whole: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => Math.floor(place * whole.length)))];
  const cuts = [0, ...at.sort((a, b) => a - b), whole.length];
  return cuts.slice(1).map((end, i) => whole.slice(cuts[i], end));
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

test("an answer that is cut anywhere and gone on with is the same answer", () => {
  fc.assert(
    fc.property(
      text,
      text,
      places,
      fc.constantFrom(...waysToContinue),
      (soFar, rest, cuts, way) => {
        const seam = new AnswerSeam(soFar, way);
        const begins = way === "prefix_repeated" ? 0 : seam.sent.length;
        let joined = soFar;
        for (const piece of cut((soFar + rest).slice(begins), cuts)) joined += seam.push(piece);
        joined += seam.end();
        expect(joined).toBe(soFar + rest);
      },
    ),
  );
});

test("white space that the next server writes otherwise does not come twice", () => {
  const seam = new AnswerSeam("One.\n\n", "assistant");
  expect(seam.sent).toBe("One.");
  expect(seam.push(" ") + seam.push("Two. ") + seam.push(" ") + seam.end()).toBe("Two.  ");
  expect(new AnswerSeam("One.\n", "assistant").push("Two")).toBe("Two");
});

test("what is repeated has to be the same, and all of it", () => {
  const other = new AnswerSeam("the cat", "prefix_repeated");
  expect(other.push("the c")).toBe("");
  expect(() => other.push("ow")).toThrow("began another one");
  const short = new AnswerSeam("the cat", "prefix_repeated");
  expect(short.push("the")).toBe("");
  expect(() => short.end()).toThrow("began another one");
});
