import { expect, test } from "bun:test";
import { parseRange } from "./byte-ranges.ts";

test.each([
  ["bytes=0-0", { first: 0, last: 0 }],
  ["bytes=2-5", { first: 2, last: 5 }],
  ["bytes=2-", { first: 2, last: 9 }],
  ["bytes=2-99999", { first: 2, last: 9 }],
  ["bytes=-3", { first: 7, last: 9 }],
  ["bytes=-99", { first: 0, last: 9 }],
  ["Bytes= 2 - 5 ", { first: 2, last: 5 }],
  // Of two, the one that lies in the file.
  ["bytes=2-5,20-30", { first: 2, last: 5 }],
])("%s of ten bytes", (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

test.each([
  null,
  "",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=a-b",
  "bytes=5-2",
  "items=0-1",
  "bytes=0-1;2",
  "bytes=0-1,5-6",
])("%s asks for the whole", (header) => expect(parseRange(header, 10)).toBeNull());

test.each([
  "bytes=10-",
  "bytes=999-1000",
  "bytes=-0",
  "bytes=0-5,3-8",
  "bytes=0-,0-,0-",
  `bytes=${Array.from({ length: 500 }, (_, i) => `${2 * i}-${2 * i}`).join(",")}`,
])("%s cannot be satisfied", (header) => {
  expect(
    parseRange(header, 1_000_000 > header.length && header.length > 100 ? 1_000_000 : 10),
  ).toBe("unsatisfiable");
});

test("an empty file has no range", () => expect(parseRange("bytes=0-0", 0)).toBe("unsatisfiable"));

test("a thousand ranges are refused before they are read", () => {
  const header = `bytes=${"0-1,".repeat(1024)}2-3`;
  expect(() => parseRange(header, 10)).toThrow("Range has 4105 characters; 4096 are read.");
});
