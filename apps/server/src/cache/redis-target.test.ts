import { expect, test } from "bun:test";
import { parseRedisUrl } from "./redis-target.ts";

test("one server, with and without TLS", () => {
  expect(parseRedisUrl("redis://a:6379/1")).toEqual({ kind: "single", url: "redis://a:6379/1" });
  expect(parseRedisUrl("rediss://u:p@a")).toEqual({ kind: "single", url: "rediss://u:p@a" });
});

test("several are a cluster, with the name and password of the first", () => {
  expect(parseRedisUrl("redis://u:p%40@a:1, redis://b:2")).toEqual({
    kind: "cluster",
    urls: ["redis://u:p%40@a:1", "redis://b:2"],
    username: "u",
    password: "p@",
  });
});

test("sentinels name their master", () => {
  expect(parseRedisUrl("redis+sentinel://:secret@a:26379,b:26379/mymaster")).toEqual({
    kind: "sentinel",
    name: "mymaster",
    sentinels: [
      { host: "a", port: 26379 },
      { host: "b", port: 26379 },
    ],
    password: "secret",
  });
});

test("anything else is not accepted", () => {
  for (const text of ["", "a:6379", "http://a", "redis://a,http://b", "redis+sentinel://a/m"]) {
    expect(parseRedisUrl(text)).toBeUndefined();
  }
});
