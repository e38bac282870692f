import { describe, expect, test } from "bun:test";
import { ConfigError, readSettings } from "./read-settings.ts";
import {
  addressList,
  flag,
  fraction,
  integer,
  oneOf,
  optionalText,
  optionalUrl,
  type Setting,
  setting,
  text,
  urlList,
} from "./setting.ts";

const about = { about: "for a test" };

describe("a setting takes what it says it accepts, and nothing else", () => {
  const cases: [name: string, Setting<unknown>, good: [string, unknown][], bad: string[]][] = [
    [
      "integer",
      integer(5, { min: 1, max: 10 }, about),
      [
        ["1", 1],
        ["10", 10],
      ],
      ["0", "11", "1.5", "-1", "0x5", "1e1", "five", "99999999999999999999"],
    ],
    [
      "fraction",
      fraction(0.5, about),
      [
        ["0.8", 0.8],
        [".5", 0.5],
        ["1", 1],
      ],
      ["0", "1.1", "-0.5", "80%", "0.8.1"],
    ],
    [
      "flag",
      flag(true, about),
      [
        ["true", true],
        ["false", false],
      ],
      ["yes", "1", "TRUE"],
    ],
    ["oneOf", oneOf(["a", "b"], "a", about), [["b", "b"]], ["c", "A"]],
    [
      "optionalUrl",
      optionalUrl(["http", "https"], about),
      [
        ["http://a:1/v1/", "http://a:1/v1"],
        ["https://a", "https://a"],
      ],
      ["a", "ftp://a", "http:", "//a"],
    ],
    [
      "urlList",
      urlList(["http"], about),
      [
        ["http://a, http://b/", ["http://a", "http://b"]],
        ["http://a,,", ["http://a"]],
      ],
      ["http://a,b", "https://a"],
    ],
    [
      "addressList",
      addressList(about),
      [["127.0.0.1, ::1,10.0.0.0/8", ["127.0.0.1", "::1", "10.0.0.0/8"]]],
      ["everyone", "10.0.0.0/8888", "a.b.c.d"],
    ],
  ];
  for (const [name, setting, good, bad] of cases) {
    test(name, () => {
      for (const [given, value] of good) expect(setting.parse(given)).toEqual(value);
      for (const given of bad) expect(setting.parse(given)).toBeUndefined();
    });
  }
});

test("a setting may say itself what is wrong with it", () => {
  const parse = (): string => {
    throw new Error("server 2 is missing");
  };
  const table = { LIST: setting("a list", about, undefined, parse) };
  expect(() => readSettings({ LIST: "x" }, table)).toThrow(
    new ConfigError("LIST: server 2 is missing"),
  );
});

test("a name or password that cannot be read is said to be so, and not shown", () => {
  const table = {
    URL: optionalUrl(["http"], { about: "for a test", secret: true }),
    URLS: urlList(["http"], about),
  };
  for (const name of ["URL", "URLS"]) {
    for (const given of ["http://admin:100%secret@door", "http://50%@door", "http://a:%ff@door"]) {
      expect(() => readSettings({ [name]: given }, table)).toThrow(
        new ConfigError(`${name}: a % in the name or password of a URL must be written as %25`),
      );
    }
  }
  const given = "http://admin:100%25secret@door";
  expect(readSettings({ URL: given }, table).URL).toBe(given);
});

test("what does not fit together is told beside what is wrong by itself", () => {
  const table = {
    HOST: text("a", about),
    PORT: integer(1, { min: 1, max: 9 }, about),
    TOKEN: optionalText({ about: "for a test", secret: true }),
  };
  const conflicts = () => ["TOKEN: must be set where HOST is"];
  const read = () => readSettings({ PORT: "70", TOKEN: "" }, table, conflicts);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(
    'PORT: "70" is not accepted; expected a whole number from 1 to 9\nTOKEN: must be set where HOST is',
  );
  expect(readSettings({ PORT: " 2 " }, table)).toEqual({ HOST: "a", PORT: 2 } as never);
});
