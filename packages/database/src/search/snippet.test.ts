import { expect, test } from "bun:test";
import { fastestMs } from "../testing/fastest-ms.ts";
import { parseSearch } from "./search-query.ts";
import { makeSnippet } from "./snippet.ts";

function snippet(text: string, search: string): string {
  const query = parseSearch(search);
  if (!query) throw new Error("no words");
  return makeSnippet(text, query);
}

test.each([
  ["The Quick fox", "quick ", "The <mark>Quick</mark> fox"],
  ["quickly quick", "quick ", "quickly <mark>quick</mark>"],
  ["quickly quick", "quick", "<mark>quickly</mark> <mark>quick</mark>"],
  ["Das Café, die Straße", "cafe STRASSE", "Das <mark>Café</mark>, die <mark>Straße</mark>"],
  ["Cafe\u0301!", "café", "<mark>Cafe\u0301</mark>!"],
  ['a <b>bold</b> & "x"', "bold", "a &lt;b&gt;<mark>bold</mark>&lt;/b&gt; &amp; &quot;x&quot;"],
  ["<mark>not ours</mark> word", "word", "&lt;mark&gt;not ours&lt;/mark&gt; <mark>word</mark>"],
  ["我喜欢苹果。", "苹果", "我喜欢<mark>苹果</mark>。"],
  ["fox and hound", "fox -hound", "<mark>fox</mark> and hound"],
  ["lines\n\n  of   text", "text", "lines of <mark>text</mark>"],
  ["nothing of it", "else", "nothing of it"],
])("%j searched for %s", (text, search, expected) => {
  expect(snippet(text, search)).toBe(expected);
});

test("a long text is cut around where most of the words are", () => {
  const filler = "lorem ipsum ".repeat(200);
  const result = snippet(`alpha ${filler} the alpha beats the beta here ${filler}`, "alpha beta ");
  expect(result).toContain("the <mark>alpha</mark> beats the <mark>beta</mark> here");
  expect(result).toStartWith("…");
  expect(result).toEndWith("…");
  expect(result.length).toBeLessThan(300);
});

test("no character is cut in half", () => {
  for (let shift = 0; shift < 4; shift++) {
    const text = `${"x".repeat(shift)}${"\u{20000}".repeat(300)}word${"\u{20000}".repeat(300)}`;
    const plain = snippet(text, "word");
    expect(plain).toContain("<mark>word</mark>");
    expect(plain).not.toContain("\ufffd");
  }
});

test("200,000 characters take a few milliseconds", () => {
  const text = "Straße und Wörter, ".repeat(10_000);
  expect(fastestMs(() => snippet(text, "worter or strasse or nichts"))).toBeLessThan(100);
});
