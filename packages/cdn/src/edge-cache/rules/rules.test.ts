import { describe, expect, test } from "bun:test";
import { readByteRange } from "./byte-range.ts";
import { readDirectives, secondsOf } from "./directives.ts";
import { readHttpDate } from "./http-date.ts";
import { judge } from "./judge.ts";
import { readTargetedControl } from "./targeted-control.ts";
import { hasCurrent, isAbout, isSameRepresentation } from "./validators.ts";
import { readVary, selectionOf } from "./vary.ts";

describe("Cache-Control", () => {
  test("names in any case, values in quotes, the first of two", () => {
    const directives = readDirectives(
      'Public, MAX-AGE=60 ,max-age=5, x="max-age=1, private", s-maxage="7"',
    );
    expect([...directives.keys()]).toEqual(["public", "max-age", "x", "s-maxage"]);
    expect([secondsOf(directives, "max-age"), secondsOf(directives, "s-maxage")]).toEqual([60, 7]);
  });

  test("a number that is none is no time at all", () => {
    for (const value of ["-1", "1.5", "'60'", "60s", "", " 60", '"', "0x10"]) {
      expect([value, secondsOf(readDirectives(`max-age=${value}`), "max-age")]).toEqual([value, 0]);
    }
    expect(secondsOf(readDirectives("max-age"), "max-age")).toBe(0);
    expect(secondsOf(readDirectives("public"), "max-age")).toBeUndefined();
    expect(secondsOf(readDirectives("max-age=99999999999999999999"), "max-age")).toBe(2 ** 31);
  });

  test("what cannot be read does not hide what follows", () => {
    for (const text of [
      '"", no-store',
      "=5, no-store",
      ",,no-store",
      'a="b, no-store',
      "a b, no-store",
    ]) {
      expect([text, readDirectives(text).has("no-store")]).toEqual([text, true]);
    }
  });

  test("of ten thousand commas, in no time", () => {
    expect(readDirectives(`${", ".repeat(10_000)}private`).has("private")).toBe(true);
    expect(readDirectives(`${'a="'.repeat(10_000)}`).has("private")).toBe(false);
  });
});

test("CDN-Cache-Control is a dictionary without a fault, or none", () => {
  const read = (text: string) =>
    readTargetedControl(text) && [...(readTargetedControl(text) ?? [])];
  expect(read("max-age=60, no-cache;a=1, x=?0,public=?1")).toEqual([
    ["max-age", "60"],
    ["no-cache", true],
    ["public", true],
  ]);
  expect(read('max-age="60"')).toEqual([["max-age", ""]]);
  for (const text of [
    "",
    " ",
    "max-age=60, &&&",
    "max-age=60,",
    "MAX-AGE=60",
    "max-age = 60",
    "a b",
  ]) {
    expect([text, read(text)]).toEqual([text, undefined]);
  }
});

test("a date has one of three forms, and is a day that there is", () => {
  const nowMs = Date.UTC(2026, 10, 24);
  const wanted = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ]) {
    expect([text, readHttpDate(text, nowMs)]).toEqual([text, wanted]);
  }
  expect(readHttpDate("Monday, 01-Jan-76 00:00:00 GMT", nowMs)).toBe(Date.UTC(2076, 0, 1));
  for (const text of [
    "0",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0100",
    "Sun, 31 Feb 2030 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 06 Nov 1994  08:49:37 GMT",
    "1994-11-06T08:49:37Z",
  ]) {
    expect([text, readHttpDate(text, nowMs)]).toEqual([text, undefined]);
  }
});

test("one range is cut out; other units, faults and several are ignored", () => {
  const cases: [string, ReturnType<typeof readByteRange>][] = [
    ["bytes=0-0", { start: 0, end: 1 }],
    ["bytes=5-", { start: 5, end: 10 }],
    ["bytes=5-99", { start: 5, end: 10 }],
    ["bytes=-4", { start: 6, end: 10 }],
    ["bytes=-99", { start: 0, end: 10 }],
    ["BYTES=1-2", { start: 1, end: 3 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=3-2", undefined],
    ["bytes=-", undefined],
    ["bytes=1-2,4-5", undefined],
    ["lines=1-2", undefined],
    ["bytes=99999999999999999999-", undefined],
  ];
  for (const [text, span] of cases) expect([text, readByteRange(text, 10)]).toEqual([text, span]);
});

describe("validators", () => {
  const stored = { etag: 'W/"a"', lastModified: "Sun, 06 Nov 1994 08:49:37 GMT" };
  const has = (ifNoneMatch?: string, ifModifiedSince?: string) =>
    hasCurrent(stored, { ifNoneMatch, ifModifiedSince }, Date.now());

  test("tags are compared weakly, and come before dates", () => {
    expect([has('"a"'), has('W/"a"'), has('"x", "a"'), has("*")]).toEqual([true, true, true, true]);
    expect([has('"x"'), has('"x"', stored.lastModified), has("")]).toEqual([false, false, false]);
    expect([
      has(undefined, stored.lastModified),
      has(undefined, "Sun, 06 Nov 1994 08:49:36 GMT"),
    ]).toEqual([true, false]);
    expect(has(undefined, "yesterday")).toBe(false);
    expect(has(`${'"x",'.repeat(2000)}"a"`)).toBe(true);
  });

  test("parts belong together only where the match is strong", () => {
    expect(isSameRepresentation({ etag: '"a"', lastModified: undefined }, '"a"')).toBe(true);
    expect(isSameRepresentation(stored, '"a"')).toBe(false);
    expect(isSameRepresentation(stored, 'W/"a"')).toBe(false);
    expect(isSameRepresentation(stored, stored.lastModified)).toBe(true);
  });

  test("a 304 is about what it names", () => {
    const by = (etag?: string, lastModified?: string) => isAbout(stored, { etag, lastModified });
    expect([by('"a"'), by(undefined, stored.lastModified), by()]).toEqual([true, true, true]);
    expect([by('"b"'), by(undefined, "Sun, 06 Nov 1994 08:49:38 GMT")]).toEqual([false, false]);
  });
});

test("what means the same is the same variant", () => {
  const select = (name: string, value?: string) => selectionOf([name], () => value);
  expect(select("accept-encoding", "gzip, br")).toBe(select("accept-encoding", "BR,gzip"));
  expect(select("accept-encoding", "gzip;q=1")).not.toBe(select("accept-encoding", "gzip;q=0"));
  expect(select("x", "a,  b")).toBe(select("x", "a,b"));
  expect(select("x", "A")).not.toBe(select("x", "a"));
  expect(select("x", "")).not.toBe(select("x"));
  expect([readVary("B, a , a"), readVary(", *"), readVary(undefined)]).toEqual([
    ["a", "b"],
    "*",
    [],
  ]);
});

describe("whether an answer may be kept", () => {
  const asker = {
    hasAuthorization: false,
    hasCookie: false,
    asksForPart: false,
    directives: readDirectives(undefined),
  };
  const nowMs = Date.UTC(2030, 0, 1);
  const freshFor = (
    fields: Record<string, string>,
    options: { status?: number; asker?: object } = {},
  ) => {
    const terms = judge(
      { ...asker, ...options.asker },
      {
        status: options.status ?? 200,
        fields: new Map(Object.entries(fields)),
        askedAtMs: nowMs,
        answeredAtMs: nowMs,
      },
    );
    return terms && (terms.freshUntilMs - nowMs) / 1000;
  };
  const minute = { "cache-control": "max-age=60" };

  test("with an authorization only where the server says so", () => {
    const authorised = { asker: { hasAuthorization: true } };
    expect(freshFor(minute, authorised)).toBeUndefined();
    for (const more of ["public", "s-maxage=60", "must-revalidate"]) {
      expect(freshFor({ "cache-control": `max-age=60, ${more}` }, authorised)).toBe(60);
    }
  });

  test("any status for the time that is given, and none without", () => {
    for (const status of [200, 204, 299, 302, 404, 410, 500, 503, 599]) {
      expect([status, freshFor(minute, { status })]).toEqual([status, 60]);
      expect([status, freshFor({ "last-modified": "x" }, { status }) ?? 0]).toEqual([status, 0]);
    }
    for (const status of [206, 304]) expect(freshFor(minute, { status })).toBeUndefined();
    expect(
      freshFor({ "cache-control": "max-age=60, must-understand" }, { status: 599 }),
    ).toBeUndefined();
    expect(freshFor({ "cache-control": "max-age=60, no-store, must-understand" })).toBe(60);
  });

  test("of an answer to a part or a condition, only one that is whole", () => {
    expect(freshFor(minute, { asker: { asksForPart: true } })).toBe(60);
    expect(freshFor(minute, { status: 416, asker: { asksForPart: true } })).toBeUndefined();
  });

  test("as old as the larger of its date and its Age", () => {
    const date = (secondsAgo: number) => new Date(nowMs - secondsAgo * 1000).toUTCString();
    expect(freshFor({ ...minute, date: date(10) })).toBe(50);
    expect(freshFor({ ...minute, date: date(10), age: "20" })).toBe(40);
    expect(freshFor({ ...minute, age: "20, 50" })).toBe(40);
    expect(freshFor({ ...minute, age: "-20" })).toBe(60);
    expect(freshFor({ expires: date(-30), date: date(-10), age: "15" })).toBe(5);
    expect(freshFor({ expires: "never", etag: '"a"' })).toBeLessThanOrEqual(0);
  });

  test("by CDN-Cache-Control alone, where it is there", () => {
    const both = (targeted: string, control: string) =>
      freshFor({ "cdn-cache-control": targeted, "cache-control": control, expires: "0" });
    expect(both("max-age=60", "no-store, private")).toBe(60);
    expect(both("no-store", "max-age=60")).toBeUndefined();
    expect(both("max-age=60, &&", "no-store")).toBeUndefined();
  });
});
