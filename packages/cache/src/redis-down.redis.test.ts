import { afterEach, beforeEach, describe, expect, test } from "#test";
import { createCache } from "./create-cache.ts";
import { eventually } from "./testing/eventually.ts";
import { TestRedis } from "./testing/redis-server.ts";
import { sleep } from "./time-limit.ts";
import { typed } from "./type-table.ts";

const types = {
  note: { lifetimeMs: 60_000, layer: "redis", key: ["id"], value: typed<{ n: number }>() },
  local: { lifetimeMs: 60_000, layer: "memory", key: ["id"], value: typed<{ n: number }>() },
} as const;

/**
 * Promise 4: a Redis that is down makes things slower, never broken. Under load all the while, reads
 * and writes, no request fails and none waits for Redis.
 */
describe("Redis down under load", () => {
  let redis: TestRedis;
  let cache: Awaited<ReturnType<typeof open>>;

  const open = () =>
    createCache({ types, redis: { target: redis.target() }, leaseMs: 300, pendingLeaseMs: 1000 });

  beforeEach(async () => {
    redis = await TestRedis.start();
    cache = await open();
    await eventually("it follows the log", () => cache.stats().log.state === "current");
  });
  afterEach(async () => {
    redis.thaw();
    await cache.close();
    await redis.dispose();
  });

  /** Requests of 40 clients for a while: their times, and how many failed. */
  async function load(forMs: number) {
    const until = performance.now() + forMs;
    const reads: number[] = [];
    const all: number[] = [];
    let failures = 0;
    const client = async (number: number) => {
      for (let i = number; performance.now() < until; i++) {
        const id = i % 200;
        const started = performance.now();
        const source = async () => {
          await sleep(1);
          return { n: id };
        };
        const write = i % 50 === 0;
        try {
          if (write) await cache.mutate([`note:${id}`], source);
          else await cache.getOrLoad("note", { owner: 1, id }, source, { tags: [`note:${id}`] });
        } catch {
          failures++;
        }
        const took = performance.now() - started;
        all.push(took);
        if (!write) reads.push(took);
        await sleep(2);
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, i) => client(i * 5)));
    return { failures, reads, all, count: all.length };
  }

  for (const [how, stop] of [
    ["killed", () => redis.kill()],
    ["frozen", async () => redis.freeze()],
  ] as const) {
    test(`${how}: no request fails, next to none waits, and it is used again by itself`, async () => {
      const before = await load(1500);
      const during = load(6000);
      await sleep(200);
      await stop();
      const down = await during;
      expect(down.count).toBeGreaterThan(1000);
      expect(down.failures).toBe(0);
      // To wait for Redis costs 40 ms. The bound of the slowest is for a machine that stalls.
      expect(median(down.reads) - median(before.reads)).toBeLessThan(30);
      expect(median(down.all) - median(before.all)).toBeLessThan(30);
      expect(Math.max(...down.all)).toBeLessThan(5000);
      expect(cache.stats().log.state).toBe("cut-off");

      if (how === "killed") await redis.start();
      else redis.thaw();
      const { redisHits } = cache.stats().types.note ?? { redisHits: 0 };
      await eventually("it follows the log and uses Redis", async () => {
        await cache.set("note", { owner: 1, id: 1 }, { n: 1 });
        cache.evictLeastUsed(1);
        await cache.get("note", { owner: 1, id: 1 });
        const { breaker, log, types } = cache.stats();
        const used = (types.note?.redisHits ?? 0) > redisHits;
        return breaker === "closed" && log.state === "current" && used;
      });
    }, 60_000);
  }

  test("memory goes on serving what is this process's own", async () => {
    await cache.set("local", { owner: 1, id: 1 }, { n: 1 });
    await cache.set("note", { owner: 1, id: 1 }, { n: 1 });
    await redis.kill();
    await eventually("it is cut off", () => cache.stats().log.state === "cut-off");
    expect(cache.peek("local", { owner: 1, id: 1 })).toEqual({ n: 1 });
    // Another process may have written: it is not served unasked.
    expect(cache.peek("note", { owner: 1, id: 1 })).toBeUndefined();
  });

  test("a cache that opens without Redis serves, and uses it when it comes", async () => {
    await redis.kill();
    const late = await open();
    const value = await late.getOrLoad("note", { owner: 1, id: 9 }, async () => ({ n: 9 }));
    expect(value).toEqual({ n: 9 });
    expect(await late.mutate(["t"], async () => "written")).toBe("written");
    await redis.start();
    await eventually("it follows the log", () => late.stats().log.state === "current");
    await late.close();
  }, 60_000);
});

function median(times: number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
