import { expect, test } from "bun:test";
import { fastestMs } from "../testing/fastest-ms.ts";
import { correct, editDistance, lengthsToKnow } from "./corrections.ts";
import { parseSearch, type SearchQuery } from "./search-query.ts";

const known = ["the", "receive", "postgres", "strasse", "deceive", "привет", "tomorrow"];
const parse = (text: string) => parseSearch(text) as SearchQuery;

test.each([
  ["recieve", "receive"],
  ["postgers the", "postgres the"],
  ["tomorow", "tomorrow"],
  ["tommorow", "tomorrow"],
  ["Straßee", "strasse"],
  ["превет", "привет"],
])("%s is taken for %s", (typed, meant) => {
  expect(correct(typed, parse(typed), known)).toBe(meant);
});

test.each(["teh", "receive", "quite different", '"recieve"', "-recieve", "tamurruw"])(
  "%s is left as it is",
  (typed) => {
    expect(correct(typed, parse(typed), known)).toBeNull();
  },
);

test.each([
  ["abc", "abc", 0],
  ["abc", "acb", 1],
  ["abc", "ab", 1],
  ["abc", "abxc", 1],
  ["abc", "xbc", 1],
  ["abcd", "badc", 2],
  ["abcd", "wxyz", 3],
])("from %s to %s: %i edits", (a, b, distance) => {
  expect(editDistance([...a], [...b], 2)).toBe(distance);
  expect(editDistance([...b], [...a], 2)).toBe(distance);
});

test("what is read of the vocabulary fits the words", () => {
  expect(lengthsToKnow(parse("recieve a postgres"))).toEqual({ shortest: 5, longest: 10 });
  expect(lengthsToKnow(parse('a "recieve" 苹果'))).toBeNull();
});

test("ten thousand words are compared in a few milliseconds", () => {
  const words = Array.from({ length: 10_000 }, (_, i) => `word${i.toString(36)}abc`);
  const query = "wordabcd wrodxyz";
  expect(fastestMs(() => correct(query, parse(query), words))).toBeLessThan(100);
});
