import { expect, test } from "bun:test";
import type { SearchBody, SearchResult } from "@peregrine/protocol";
import { Search } from "./search.ts";

const result = (snippet: string) => ({ snippet }) as SearchResult;

function setUp() {
  const asked: {
    query: string;
    cursor: string | null;
    signal: AbortSignal;
    answer: (body: Partial<SearchBody>) => void;
    fail: (e: Error) => void;
  }[] = [];
  const search = new Search((query, cursor, signal) => {
    return new Promise((resolve, fail) => {
      const answer = (body: Partial<SearchBody>) =>
        resolve({ results: [], nextCursor: null, correctedQuery: null, ...body });
      asked.push({ query, cursor, signal, answer, fail });
    });
  });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
  return { search, asked, turn };
}

test("what was typed over is aborted, and its late answer is not shown", async () => {
  const { search, asked, turn } = setUp();
  search.type("on", 0);
  await turn();
  search.type("one", 0);
  await turn();
  expect(asked.map(({ query, signal }) => [query, signal.aborted])).toEqual([
    ["on", true],
    ["one", false],
  ]);
  asked[1]?.answer({ results: [result("one")] });
  asked[0]?.answer({ results: [result("on")] });
  await turn();
  expect(search.results.value.map(({ snippet }) => snippet)).toEqual(["one"]);
});

test("keys that come fast ask once", async () => {
  const { search, asked } = setUp();
  for (const query of ["f", "fa", "fal"]) search.type(query, 5);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked.map(({ query }) => query)).toEqual(["fal"]);
  search.dispose();
});

test("pages are added until there are no more, one at a time", async () => {
  const { search, asked, turn } = setUp();
  search.type("x", 0);
  await turn();
  asked[0]?.answer({ results: [result("1")], nextCursor: "c" });
  await turn();
  expect(search.hasMore.value).toBe(true);
  void search.more();
  void search.more();
  expect(asked).toHaveLength(2);
  asked[1]?.answer({ results: [result("2")] });
  await turn();
  expect(search.results.value.map(({ snippet }) => snippet)).toEqual(["1", "2"]);
  expect(search.hasMore.value).toBe(false);
});

test("a failure is said, and trying again finds", async () => {
  const { search, asked, turn } = setUp();
  search.type("x", 0);
  await turn();
  asked[0]?.fail(new Error("away"));
  await turn();
  expect(search.state.value.name).toBe("failed");
  void search.retry();
  asked[1]?.answer({ results: [result("1")] });
  await turn();
  expect(search.state.value).toEqual({ name: "found", correctedQuery: null });
});

test("an emptied field shows nothing and asks nothing", async () => {
  const { search, asked, turn } = setUp();
  search.type("x", 0);
  search.type(" ", 0);
  await turn();
  expect(asked).toEqual([]);
  expect(search.state.value).toEqual({ name: "idle" });
});
