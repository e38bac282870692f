import { expect, test } from "bun:test";
import { snippetParts } from "./snippet-parts.ts";

test("matches and texts come apart, and entities are read once", () => {
  expect(snippetParts("a <mark>b</mark> &lt;i&gt; &amp;lt; &quot;<mark>c</mark>")).toEqual([
    { text: "a ", isMatch: false },
    { text: "b", isMatch: true },
    { text: ' <i> &lt; "', isMatch: false },
    { text: "c", isMatch: true },
  ]);
});

test("other tags stay texts", () => {
  expect(snippetParts("<img src=x onerror=alert(1)>")).toEqual([
    { text: "<img src=x onerror=alert(1)>", isMatch: false },
  ]);
});
