import { expect, test } from "bun:test";
import type { CachedReads } from "../cache/cached-reads.ts";
import { Endpoints } from "../performance/endpoints.ts";
import { memoryReads } from "./memory-reads.ts";

const prefix = "/api/v1/conversations";
const endpoints = new Endpoints(
  [`${prefix}/`, `${prefix}/:id`, `${prefix}/:id/messages`, "/*"].map((path) => ({
    method: "GET",
    path,
  })),
  undefined,
);

/** Reads whose body is what they were asked for. */
const told = (args: object) => ({
  bytes: new TextEncoder().encode(JSON.stringify(args)),
  etag: '"tag"',
});
const read = { peek: told, body: async () => undefined, value: async () => undefined };
const reads = {
  conversation: read,
  firstConversations: read,
  firstMessages: read,
} as unknown as CachedReads;

const answer = memoryReads({
  endpoints,
  reads,
  knownReader: ({ headers }) => headers.get("cookie") ?? undefined,
});

function ask(path: string, { cookie = "ada", ...init }: RequestInit & { cookie?: string } = {}) {
  const request = new Request(`http://server${path}`, { ...init, headers: { cookie } });
  return answer(request, endpoints.find(request.method, request.url), performance.now());
}

test.each([
  [prefix, { userId: "ada", limit: 50 }],
  [`${prefix}?limit=7`, { userId: "ada", limit: 7 }],
  [`${prefix}/42`, { userId: "ada", id: "42" }],
  [`${prefix}/42/messages?limit=100`, { userId: "ada", conversationId: "42", limit: 100 }],
])("%s is answered from memory", async (path, asked) => {
  expect(await ask(path)?.json()).toEqual(asked);
});

test.each([
  ["another page", `${prefix}?cursor=x`],
  ["a limit that is none", `${prefix}?limit=101`],
  ["a limit that is written strangely", `${prefix}?limit=07`],
  ["more than a limit", `${prefix}?limit=7&limit=8`],
  ["another route", "/c/42"],
])("%s goes to the routes", (_, path) => {
  expect(ask(path)).toBeUndefined();
});

test("a stranger and another method go to the routes", () => {
  expect(ask(prefix, { cookie: "" })).toBeUndefined();
  expect(ask(prefix, { method: "HEAD" })).toBeUndefined();
  expect(ask(prefix, { method: "POST" })).toBeUndefined();
});

test("a server without such a route does not start", () => {
  const none = new Endpoints([{ method: "GET", path: "/*" }], undefined);
  expect(() => memoryReads({ endpoints: none, reads, knownReader: () => "ada" })).toThrow(
    "no route reads /api/v1/conversations",
  );
});
