import { expect, test } from "bun:test";
import fc from "fast-check";
import { BalancerError } from "./errors.ts";
import { checkServers, parseServerList } from "./server-list.ts";

function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof BalancerError && error.code === "invalid_servers") return error.message;
    throw error;
  }
  throw new Error("the list was accepted");
}

test("fills in what is left out", () => {
  expect(checkServers([{ url: "HTTP://A:3000/" }])).toEqual([
    {
      id: "http://a:3000",
      url: "http://a:3000",
      weight: 1,
      zone: undefined,
      backup: false,
      maxInFlight: undefined,
      models: undefined,
    },
  ]);
});

test("reads the one-line form with everything in it", () => {
  const text =
    "http://a:3000, https://b/v1;id=b;weight=2.5;zone=east;maxInFlight=8;models=x|y ,http://[::1]:3;backup";
  expect(parseServerList(text)).toMatchObject([
    { id: "http://a:3000", weight: 1, backup: false },
    { id: "b", url: "https://b/v1", weight: 2.5, zone: "east", maxInFlight: 8, models: ["x", "y"] },
    { url: "http://[::1]:3", backup: true },
  ]);
});

test.each([
  ["", 'server 1: url must be an address such as "http://10.0.0.1:3000", not ""'],
  ["http://a,", "server 2: url must be an address"],
  ["htp://a:3000", '"htp://a:3000" must begin with http:// or https://'],
  ["http:/a:3000", '"http:/a:3000" must begin with http:// or https://'],
  ["a:3000", '"a:3000" must begin with'],
  ["http://a:30000000", '"http://a:30000000" is not an address'],
  ["http://a:3O00", '"http://a:3O00" is not an address'],
  ["http://a b", "is not an address"],
  ["http://a..%21", "which is no host name"],
  ["http://me:secret@a", 'the address of "a" must not hold a user name or password'],
  ["http://a/?x=1", "must not hold a ? or a #"],
  ["http://a;wieght=2", 'unknown field "wieght"; did you mean "weight"?'],
  ["http://a;weight=-1", "weight must be a number from 0.001 to 1000, not -1"],
  ["http://a;weight=0", "drain a server that shall get nothing"],
  ["http://a;weight=two", 'weight must be a number from 0.001 to 1000, not "two"'],
  ["http://a;weight=", 'weight must be a number from 0.001 to 1000, not ""'],
  ["http://a;maxInFlight=1.5", "maxInFlight must be a whole number from 1 to 1000000, not 1.5"],
  ["http://a;backup=maybe", 'backup must be true or false, not "maybe"'],
  ["http://a;models=", "models must be a list of names"],
  ["http://a;zone", "zone must be text, not null"],
  ["http://a;weight=1;weight=2", "server 1: weight is given twice"],
  ["http://a,HTTP://A:80/", "already listed as server 1"],
  ["http://a;id=x,http://b;id=x", 'with the id "x" is already listed as server 1'],
])("refuses %p and says why", (text, words) => {
  expect(problemOf(() => parseServerList(text))).toContain(words);
});

test("never repeats a password that was put into an address", () => {
  expect(problemOf(() => parseServerList("http://me:secret@a"))).not.toContain("secret");
});

test("refuses the process itself, which would make requests run in a circle", () => {
  const problem = problemOf(() => parseServerList("http://b,http://A:3000/", ["http://a:3000"]));
  expect(problem).toContain("server 2");
  expect(problem).toContain("is this process itself");
});

test("says everything that is wrong at once", () => {
  const problem = problemOf(() =>
    checkServers([{ url: "ftp://a" }, 7, { url: "http://b", weight: -1, backup: "yes" }]),
  );
  expect(problem).toContain("server 1");
  expect(problem).toContain("server 2: must be an object with a url, not 7");
  expect(problem).toContain("server 3: weight");
  expect(problem).toContain("server 3: backup");
});

test("whatever is thrown at it, the answer is a list or a typed error", () => {
  fc.assert(
    fc.property(fc.anything(), fc.string(), (list, text) => {
      for (const run of [() => checkServers(list), () => parseServerList(text)]) {
        try {
          expect(run().length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(BalancerError);
        }
      }
    }),
  );
});
