import { expect, test } from "bun:test";
import { isPlainText, isShown, mediaTypeOf } from "./media-type.ts";

const bytes = (latin: string) => new Uint8Array(Buffer.from(latin, "latin1"));

test.each([
  ["image/png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
  ["image/jpeg", "\xff\xd8\xff\xe0\0\x10JFIF"],
  ["image/gif", "GIF89a\x01\0"],
  ["image/webp", "RIFF\x24\0\0\0WEBPVP8 "],
  ["image/avif", "\0\0\0\x1cftypavif"],
  ["video/mp4", "\0\0\0\x20ftypisom"],
  ["video/webm", "\x1aE\xdf\xa3"],
  ["audio/mpeg", "ID3\x04\0"],
  ["application/pdf", "%PDF-1.7\n%\xe2\xe3\xcf\xd3"],
  ["application/pdf", "junk\n%PDF-1.7"],
  ["application/zip", "PK\x03\x04"],
  ["application/octet-stream", "\x7fELF\x02\x01\x01\0"],
  ["application/octet-stream", "\xe9\xe8 Latin-1"],
  ["text/plain", "Hello"],
  ["text/html", "<!DOCTYPE html><html>"],
  ["text/html", "\n <!-- x --> <script>alert(1)</script>"],
  ["image/svg+xml", '<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg">'],
  ["image/svg+xml", "<svg onload=alert(1)>"],
  ["application/xml", '<?xml version="1.0"?><feed/>'],
  ["text/plain", "a < b && b > c"],
])("%s is known by its bytes, whatever its name", (mediaType, content) => {
  expect(mediaTypeOf(bytes(content), "picture.png.exe")).toBe(mediaType);
});

test.each([
  ["text/markdown", "notes.md"],
  ["text/csv", "table.CSV"],
  ["application/json", "data.json"],
  ["text/plain", "main.rs"],
  ["text/plain", "page.html"],
  ["text/plain", "photo.png"],
])("a text is %s by the name %s", (mediaType, name) => {
  expect(mediaTypeOf(bytes("# Heading"), name)).toBe(mediaType);
});

test("UTF-16 with its mark is text, and a head that ends inside a character too", () => {
  expect(mediaTypeOf(bytes("\xff\xfeH\0i\0"), "a")).toBe("text/plain");
  expect(mediaTypeOf(bytes("caf\xc3"), "a")).toBe("text/plain");
});

test("nothing that can hold a script is shown", () => {
  for (const type of ["text/html", "image/svg+xml", "application/xml", "application/pdf"]) {
    expect([type, isShown(type)]).toEqual([type, false]);
  }
  expect(isShown("application/octet-stream")).toBe(false);
  expect(isShown("image/png")).toBe(true);
  expect(isPlainText("application/json")).toBe(true);
});

test("a row of comments that leads to nothing is seen through at once", () => {
  // With two ways to read each of them it would take seconds.
  const startedMs = performance.now();
  expect(mediaTypeOf(bytes(`${"<!---->".repeat(30)}text`), "a")).toBe("text/plain");
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  expect(mediaTypeOf(bytes(`${"<!-- -- -->\n".repeat(30)}<p>`), "a")).toBe("text/html");
  expect(mediaTypeOf(bytes(`${"<!-- -->".repeat(30)}<svg>`), "a")).toBe("image/svg+xml");
});
