import { expect, test } from "bun:test";
import { Endpoints } from "./endpoints.ts";

const endpoints = new Endpoints(
  [
    { method: "GET", path: "/health" },
    { method: "GET", path: "/api/docs" },
    { method: "GET", path: "/api/v1/conversations" },
    { method: "POST", path: "/api/v1/conversations" },
    { method: "GET", path: "/api/v1/conversations/:id" },
    { method: "POST", path: "/api/v1/conversations/:id/messages" },
    { method: "WS", path: "/api/v1/socket" },
    { method: "GET", path: "/*" },
  ],
  undefined,
);

const found = (method: string, path: string) => {
  const { template, priority } = endpoints.find(method, `http://example.org:3000${path}`);
  return [template, priority];
};

test.each([
  ["GET", "/api/v1/conversations", "/api/v1/conversations", "read"],
  ["GET", "/api/v1/conversations?cursor=/a/b", "/api/v1/conversations", "read"],
  ["HEAD", "/api/v1/conversations/", "/api/v1/conversations", "read"],
  ["GET", "/api/v1/conversations/0198-x", "/api/v1/conversations/:id", "read"],
  ["POST", "/api/v1/conversations/1/messages", "/api/v1/conversations/:id/messages", "answer"],
  ["GET", "/api/v1/socket", "/api/v1/socket", "read"],
  ["GET", "/api/docs", "/api/docs", "low"],
  ["GET", "/health", "/health", null],
  ["GET", "/", "/*", "read"],
  ["GET", "/c/0198/deep/er", "/*", "read"],
  ["GET", "/api/v1/nothing/at/all", "/*", "read"],
  ["POST", "/api/v1/nothing", "unmatched", "read"],
  ["DELETE", "/api/v1/conversations", "unmatched", "read"],
  ["BREW", "/pot", "unmatched", "read"],
] as const)("%s %s is %s", (method, path, template, priority) => {
  expect(found(method, path)).toEqual([template, priority]);
});

test("a route keeps its baseline, and strangers cannot make up endpoints", () => {
  const find = (method: string, path: string) => endpoints.find(method, `http://a${path}`);
  expect(find("GET", "/api/v1/conversations/1")).toBe(find("GET", "/api/v1/conversations/2"));
  expect(find("BREW", "/a")).toBe(find("STEEP", "/b"));
  expect(find("POST", "/a")).toBe(find("POST", "/b/c"));
});
