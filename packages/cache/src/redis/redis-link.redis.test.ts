import { describe, expect, test } from "#test";
import { eventually } from "../testing/eventually.ts";
import { TestRedis } from "../testing/redis-server.ts";
import { sleep } from "../time-limit.ts";
import { openRedisLink } from "./redis-link.ts";

describe("a link to Redis", () => {
  for (const kind of ["single", "cluster", "sentinel"] as const) {
    test(`(${kind}) leaves no connection behind, whenever it is closed`, async () => {
      const redis = await TestRedis.start(kind);
      const connections = async () =>
        String(await redis.command(["CLIENT", "LIST"]))
          .trim()
          .split("\n").length;
      const before = await connections();
      for (const afterMs of [0, 0, 1, 2, 4, 8, 100]) {
        const link = openRedisLink(redis.target(), () => {});
        await sleep(afterMs);
        link.close();
      }
      await eventually("all are gone", async () => (await connections()) <= before);
      await redis.dispose();
    }, 60_000);

    test(`(${kind}) fails at once when nothing is there, and can be closed`, async () => {
      const redis = await TestRedis.start(kind);
      const target = redis.target();
      await redis.dispose();
      const link = openRedisLink(target, () => {});
      const started = performance.now();
      await expect(link.send("key", ["GET", "key"])).rejects.toThrow();
      expect(performance.now() - started).toBeLessThan(5000);
      link.close();
    });
  }
});
