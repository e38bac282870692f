import { expect, test } from "bun:test";
import { parseSearch, toTsquery } from "./search-query.ts";

function rendered(text: string, withPrefixes = true): string | null {
  const query = parseSearch(text);
  return query && toTsquery(query, withPrefixes);
}

test.each([
  ["one two ", "('one') & ('two')"],
  ["one two", "('one') & ('two':*)"],
  ['"one two"', "('one' <-> 'two')"],
  ['"one two', "('one' <-> 'two')"],
  ["one -two", "('one') & !('two')"],
  ['-"one two" three ', "!('one' <-> 'two') & ('three')"],
  ["one or two three ", "('one') | ('two') & ('three')"],
  ["or one OR ", "('one')"],
  ["foo.bar ", "('foo' <-> 'bar')"],
  ["foo.ba", "('foo' <-> 'ba':*)"],
  ["'; drop\\ ", "('drop')"],
  ["苹果树 ", "('苹果' & '果树')"],
  ['"苹果树"', "('苹果' <-> '果树')"],
  ["-苹果树 ", "!('苹果' <-> '果树')"],
  ["苹 ", "('苹':*)"],
  ["x苹果 ", "(('x') & ('苹果'))"],
])("%s is read as %s", (text, expected) => {
  expect(rendered(text)).toBe(expected);
});

test("without prefixes every word is whole", () => {
  expect(rendered("one tw", false)).toBe("('one') & ('tw')");
});

test.each(["", "  ", '"', "- --", "or", "…!?", "\0"])("%j holds no word", (text) => {
  expect(parseSearch(text)).toBeNull();
});
