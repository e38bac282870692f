import { expect, test } from "bun:test";
import { modelServerAddress } from "./base-url.ts";
import { parseModelServers } from "./model-server-list.ts";

test("plain addresses, as ever", () => {
  const [first, second, ...rest] = parseModelServers(
    " http://127.0.0.1:11434/v1/ ,https://b/api,,",
  );
  expect(rest).toEqual([]);
  expect(modelServerAddress(first!.baseUrl).chatUrl).toBe(
    "http://127.0.0.1:11434/v1/chat/completions",
  );
  expect(second).toMatchObject({ baseUrl: "https://b/api", server: { weight: 1, backup: false } });
  expect(parseModelServers(" ")).toEqual([]);
});

test("what sets a server apart", () => {
  const list =
    "http://a/v1; weight=2; models=x | y:7b,http://b/v1;maxInFlight=8,http://c/v1;backup";
  expect(parseModelServers(list).map(({ server }) => server)).toMatchObject([
    { url: "http://a/v1", weight: 2, models: ["x", "y:7b"] },
    { maxInFlight: 8, models: undefined },
    { backup: true },
  ]);
});

test("how a server is asked to go on with an answer", () => {
  const list = "http://a;continue=prefix;weight=2,http://b; continue = off ;backup,http://c";
  expect(parseModelServers(list)).toMatchObject([
    { continueWith: "prefix", server: { weight: 2 } },
    { continueWith: "off", server: { backup: true } },
    { continueWith: undefined },
  ]);
});

test("name, password and query are used, and stay out of figures", () => {
  const [entry] = parseModelServers("http://me:p%40ss@a:1/gpt?api-version=2;weight=3");
  expect(entry!.baseUrl).toBe("http://me:p%40ss@a:1/gpt?api-version=2");
  expect(entry!.server).toMatchObject({ id: "http://a:1/gpt", url: "http://a:1/gpt", weight: 3 });
});

test("one address with several keys is several servers, each with a name of its own", () => {
  const list =
    "https://a/v1;key=2,http://b;key=none,https://a/v1/;key=1;id=spare,https://a/v1;key=3";
  const entries = parseModelServers(list);
  expect(entries.map(({ key, server: { id, url } }) => [key, id, url])).toEqual([
    [2, "https://a/v1#1", "https://a/v1"],
    ["none", "http://b", "http://b"],
    [1, "spare", "https://a/v1"],
    [3, "https://a/v1#2", "https://a/v1"],
  ]);
  const named = parseModelServers("http://me:secret@a,http://you:secret@a");
  expect(named.map(({ server }) => server.id)).toEqual(["http://a#1", "http://a#2"]);
});

test.each([
  ["http://a,b:2", 'server 2: "b:2" must begin with http:// or https:// and a host'],
  ["ftp://a", 'server 1: "ftp://a" must begin with http:// or https://'],
  ["http://a;weight=two", 'server 1: weight must be a number from 0.001 to 1000, not "two"'],
  ["http://a;wieght=2", 'server 1: unknown field "wieght"; did you mean "weight"?'],
  [
    "http://a;continue=yes",
    'server 1: continue must be one of off, assistant, continue_final_message, prefix, prefix_repeated, not "yes"',
  ],
  ["http://a;models=", "server 1: models must be a list of names"],
  ["http://a/v1,http://a/v1/", "is already listed as server 1"],
  ["http://me:secret@a,http://me:secret@a/", '"http://a" is already listed as server 1; with'],
  ["http://a;key=2,http://a;id=b;key=2", '"http://a" is already listed as server 1; with several'],
  ["http://a;key=1,http://a", "server 2: "],
  ["http://a;key=secret", "server 1: key must be the place of its key in MODEL_API_KEY"],
  ["http://me:100%secret@a", "server 1: a % in a name or password must be written as %25"],
  ["http://a;key=0", "server 1: key must be the place of its key in MODEL_API_KEY"],
  ["http://a;zone=east", "server 1: zone means nothing to model servers; leave it out"],
])("%s is refused: %s", (list, words) => {
  expect(() => parseModelServers(list)).toThrow(words);
  expect(() => parseModelServers(list)).not.toThrow("secret");
});
