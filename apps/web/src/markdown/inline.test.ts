import { expect, test } from "bun:test";
import { decodeEntities } from "./entities.ts";
import { safeLink } from "./safe-link.ts";

test("links lead to sites and addresses only", () => {
  expect(safeLink("https://a.example/b?c=1&d=2")).toBe("https://a.example/b?c=1&d=2");
  expect(safeLink("mailto:a@b.example")).toBe("mailto:a@b.example");
  for (const href of [
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:https://a.example/1",
    "file:///etc/passwd",
    "/settings",
    "//a.example",
    "",
  ]) {
    expect(safeLink(href)).toBeUndefined();
  }
});

test("decodes character references once", () => {
  expect(decodeEntities("a &amp; b &lt;c&gt; &#39;&#x1F985;&nbsp;&unknown; &amp;lt;")).toBe(
    "a & b <c> '🦅\u00a0&unknown; &lt;",
  );
  expect(decodeEntities("&#0;&#xD800;&#x110000;")).toBe("\ufffd\ufffd\ufffd");
});
