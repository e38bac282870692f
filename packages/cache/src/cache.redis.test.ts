import { afterAll, afterEach, beforeAll, describe, expect, test } from "#test";
import type { CacheOptions } from "./cache-options.ts";
import { createCache } from "./create-cache.ts";
import { eventually } from "./testing/eventually.ts";
import { type RedisKind, TestRedis } from "./testing/redis-server.ts";
import { sleep } from "./time-limit.ts";
import { typed } from "./type-table.ts";

interface Note {
  text: string;
}

const types = {
  note: { lifetimeMs: 60_000, layer: "redis", key: ["id"], value: typed<Note>() },
  brief: {
    lifetimeMs: 60,
    graceMs: 60_000,
    layer: "redis",
    key: ["id"],
    value: typed<Note>(),
    jitter: 0,
  },
  gone: {
    lifetimeMs: 60_000,
    negativeLifetimeMs: 60_000,
    layer: "redis",
    key: ["id"],
    value: typed<Note | undefined>(),
  },
} as const;
const key = { owner: "me", id: 1 };

const opened: { close(): Promise<void> }[] = [];
let namespaces = 0;
let namespace = "";

async function open(redis: TestRedis, options: Partial<CacheOptions<typeof types>> = {}) {
  const cache = await createCache({
    types,
    redis: { target: redis.target(), namespace, maxLogRecords: 100, callTimeoutMs: 1000 },
    // Following its master anew, a sentinel client keeps everything waiting for a moment.
    leaseMs: redis.kind === "sentinel" ? 2000 : 300,
    pendingLeaseMs: redis.kind === "sentinel" ? 4000 : 600,
    ...options,
  });
  opened.push(cache);
  return cache;
}

type OpenCache = Awaited<ReturnType<typeof open>>;

const isCurrent = (cache: OpenCache) => () => cache.stats().log.state === "current";

/** Two processes' caches that share a Redis, both following its log. */
async function openTwo(redis: TestRedis) {
  namespace = `t${++namespaces}`;
  const [a, b] = await Promise.all([open(redis), open(redis)]);
  await eventually("both follow the log", () => isCurrent(a)() && isCurrent(b)());
  return [a, b] as const;
}

afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
});

const never = async (): Promise<never> => {
  throw new Error("must not be loaded");
};

/** What holds for every kind of Redis. */
function behaves(kind: RedisKind): void {
  describe(`a cache on ${kind} Redis`, () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await TestRedis.start(kind);
    }, 60_000);
    afterAll(async () => {
      await redis?.dispose();
    });

    test("finds what another process has loaded, decoded and as a body", async () => {
      const [a, b] = await openTwo(redis);
      const long = { text: "ö".repeat(5000) };
      await a.set("note", key, long, { tags: ["t"] });
      expect(await b.get("note", key)).toEqual(long);
      expect(b.stats().types.note?.redisHits).toBe(1);
      expect(b.peek("note", key)).toEqual(long);
      const bodies = await Promise.all([a, b].map((c) => c.getOrLoadBody("note", key, never)));
      expect(bodies[0]?.etag).toBe(bodies[1]?.etag ?? "");
    });

    test("tells that Redis had it", async () => {
      namespace = `t${++namespaces}`;
      const served: string[] = [];
      const a = await open(redis);
      const b = await open(redis, { on: { onServed: (from) => served.push(from) } });
      await eventually("both follow the log", () => isCurrent(a)() && isCurrent(b)());
      await a.set("note", key, { text: "kept" });
      for (let i = 0; i < 2; i++) await b.getOrLoad("note", key, never);
      expect(served).toEqual(["redis", "memory"]);
    });

    test("of many keys asks in one packet", async () => {
      const [a, b] = await openTwo(redis);
      const keys = Array.from({ length: 200 }, (_, id) => ({ owner: "me", id }));
      const items = keys.slice(0, 150).map((k) => ({ key: k, value: { text: `${k.id}` } }));
      expect(await a.setMany("note", items)).toBe(150);
      const values = await b.getMany("note", keys);
      expect(values.map((value) => value?.text)).toEqual(
        keys.map(({ id }) => (id < 150 ? `${id}` : undefined)),
      );
    });

    test("serves nothing older than a write in another process", async () => {
      const [a, b] = await openTwo(redis);
      let n = 0;
      const read = (cache: OpenCache) =>
        cache.getOrLoad("note", key, async () => ({ text: `${n}` }), { tags: ["t"] });
      for (let round = 0; round < 30; round++) {
        const [writer, reader] = round % 2 === 0 ? [a, b] : [b, a];
        await writer.mutate(["t"], async () => {
          n++;
        });
        expect((await read(reader)).text).toBe(`${n}`);
        expect((await read(writer)).text).toBe(`${n}`);
      }
    });

    test("clears a prefix and a glob everywhere and frees them in Redis", async () => {
      const [a, b] = await openTwo(redis);
      for (const owner of [42, 421]) {
        const items = [1, 2, 3].map((id) => ({ key: { owner, id }, value: { text: "n" } }));
        await a.setMany("note", items);
        await b.getMany(
          "note",
          items.map((item) => item.key),
        );
      }
      const prefix = await a.invalidatePattern("note:42:*");
      expect(await b.get("note", { owner: 42, id: 1 })).toBeUndefined();
      expect(await b.get("note", { owner: 421, id: 1 })).toEqual({ text: "n" });
      expect((await prefix.done).redisEntries).toBe(3);
      const glob = await a.invalidatePattern("*:42?:*");
      expect(await b.get("note", { owner: 421, id: 1 })).toBeUndefined();
      expect((await glob.done).redisEntries).toBe(3);
      await a.delete("note", { owner: 42, id: 1 });
      expect((await (await a.clear()).done).redisEntries).toBe(0);
    });

    test("is used as soon as it is there, when it was not at the start", async () => {
      namespace = `t${++namespaces}`;
      const absent = await TestRedis.start(kind);
      await absent.kill();
      const cache = await open(absent);
      expect(await cache.getOrLoad("note", key, async () => ({ text: "n" }))).toEqual({
        text: "n",
      });
      await absent.start();
      await eventually("it follows the log", isCurrent(cache));
      await cache.close();
      await absent.dispose();
    }, 60_000);

    test("shares one load between processes, and its owner's failure with nobody else", async () => {
      const [a, b] = await openTwo(redis);
      let running = 0;
      let most = 0;
      let loads = 0;
      const load = (fails: boolean) => async () => {
        loads++;
        most = Math.max(most, ++running);
        await sleep(40);
        running--;
        if (fails) throw new Error("down");
        return { text: "loaded" };
      };
      const read = (fails: boolean, id: number) =>
        Promise.allSettled(
          Array.from({ length: 100 }, (_, i) =>
            (i % 2 === 0 ? a : b).getOrLoad("note", { owner: "me", id }, load(fails)),
          ),
        );
      await read(false, 1);
      expect(loads).toBe(1);
      loads = 0;
      const failed = await read(true, 2);
      expect(failed.every((result) => result.status === "rejected")).toBe(true);
      expect(loads).toBe(2);
      expect(most).toBe(1);
    });
  });
}

behaves("single");
behaves("cluster");
behaves("sentinel");
behaves("tls");

describe("a cache on Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(async () => {
    await redis?.dispose();
  });

  test("takes a load over when its owner dies", async () => {
    const [a, b] = await openTwo(redis);
    const lock = `${namespace}:l:note:me:1`;
    const dead = a.getOrLoad("note", key, () => new Promise<Note>(() => {}));
    dead.catch(() => {});
    await eventually(
      "the lock is taken",
      async () => (await redis.command(["EXISTS", lock])) === 1,
    );
    // As if its process were gone: nobody renews the lock.
    const started = performance.now();
    await redis.command(["SET", lock, "a-dead-owner", "PX", "150"]);
    expect(await b.getOrLoad("note", key, async () => ({ text: "b" }))).toEqual({ text: "b" });
    expect(performance.now() - started).toBeGreaterThan(100);
  });

  test("keeps its lock while a load takes longer than the lock lasts", async () => {
    const [a, b] = await openTwo(redis);
    let loads = 0;
    const load = async () => {
      loads++;
      await sleep(2600);
      return { text: "slow" };
    };
    const both = await Promise.all([
      a.getOrLoad("note", key, load),
      b.getOrLoad("note", key, load),
    ]);
    expect(both).toEqual([{ text: "slow" }, { text: "slow" }]);
    expect(loads).toBe(1);
  }, 60_000);

  test("serves a stale value from Redis while one process renews it", async () => {
    const [a, b] = await openTwo(redis);
    await a.set("brief", key, { text: "old" });
    await sleep(80);
    let loads = 0;
    const load = async () => {
      loads++;
      await sleep(30);
      return { text: "new" };
    };
    const first = await Promise.all([a, b].map((cache) => cache.getOrLoad("brief", key, load)));
    expect(first).toEqual([{ text: "old" }, { text: "old" }]);
    await eventually("a has the new one", async () => {
      const value = await a.getOrLoad("brief", { owner: "me", id: 1 }, load);
      return value.text === "new";
    });
    expect(loads).toBeLessThan(4);
  });

  test("knows in every process what is not there", async () => {
    const [a, b] = await openTwo(redis);
    await a.getOrLoad("gone", key, async () => undefined);
    await eventually("it is in Redis", () => b.has("gone", key));
    expect(await b.getOrLoad("gone", key, never)).toBeUndefined();
  });

  test("takes what is not its own under its keys for a miss", async () => {
    const [a] = await openTwo(redis);
    const unreadable: string[] = [];
    const cache = await open(redis, {
      on: { onUnreadable: (_, reason) => unreadable.push(reason) },
    });
    await eventually("it follows the log", isCurrent(cache));
    const name = `${namespace}:v:note:me:1`;
    const load = async () => ({ text: "right" });
    await redis.command(["SET", name, "something else"]);
    expect(await cache.get("note", key)).toBeUndefined();
    await redis.command(["SET", name, "PC\u0002\u0000from the future"]);
    expect(await cache.get("note", key)).toBeUndefined();
    expect(unreadable).toEqual(["foreign", "future"]);
    await redis.command(["DEL", name]);
    await redis.command(["LPUSH", name, "a list"]);
    expect(await cache.getOrLoad("note", key, load)).toEqual({ text: "right" });
    await redis.command(["DEL", name]);
    await a.set("note", { owner: "you", id: 1 }, { text: "yours" });
    await redis.command(["COPY", `${namespace}:v:note:you:1`, name]);
    const other = await open(redis);
    await eventually("it follows the log", isCurrent(other));
    expect(await other.getOrLoad("note", key, async () => ({ text: "mine" }))).toEqual({
      text: "mine",
    });
  });

  test("empties its memory when the log no longer reaches back", async () => {
    const [a, b] = await openTwo(redis);
    await b.set("note", key, { text: "old" }, { tags: ["t"] });
    const { resyncs } = b.stats().log;
    const other = { owner: "me", id: 2 };
    await b.set("note", other, { text: "other" }, { tags: ["u"] });
    // What b has not read yet is gone before it can.
    await redis.command(["CLIENT", "PAUSE", "150", "WRITE"]);
    const writes = Promise.all(Array.from({ length: 30 }, () => a.mutate(["t"], async () => {})));
    await redis.command(["CLIENT", "KILL", "TYPE", "normal"]);
    await writes;
    await redis.command(["XTRIM", `{${namespace}}:log:log`, "MAXLEN", "0"]);
    await eventually("b follows again", isCurrent(b));
    expect(await b.getOrLoad("note", key, async () => ({ text: "new" }), { tags: ["t"] })).toEqual({
      text: "new",
    });
    expect(b.stats().log.resyncs).toBeGreaterThanOrEqual(resyncs);
  });

  for (const part of ["meta", "tags", "pend", "nodes"]) {
    test(`takes everything for old when Redis has lost "${part}"`, async () => {
      const [a, b] = await openTwo(redis);
      await a.set("note", key, { text: "old" });
      expect(await b.get("note", key)).toEqual({ text: "old" });
      const before = [a.stats().log.resyncs, b.stats().log.resyncs];
      await redis.command(["DEL", `{${namespace}}:log:${part}`]);
      await eventually("both begin anew", () => {
        const now = [a.stats().log, b.stats().log];
        return now.every((l, i) => l.resyncs > (before[i] ?? 0) && l.state === "current");
      });
      expect(await b.get("note", key)).toBeUndefined();
    });
  }

  test("takes everything for old when Redis restarts with what it had saved before a write", async () => {
    const own = await TestRedis.start();
    const [a] = await openTwo(own);
    await a.set("note", key, { text: "old" }, { tags: ["t"] });
    await own.command(["SAVE"]);
    await a.mutate(["t"], async () => {});
    await own.restart();
    expect(await own.command(["EXISTS", `${namespace}:v:note:me:1`])).toBe(1);
    const late = await open(own);
    await eventually("it follows the log", isCurrent(late));
    expect(await late.get("note", key)).toBeUndefined();
    await Promise.all([a.close(), late.close()]);
    await own.dispose();
  }, 60_000);

  test("remembers across processes which values old writes made old", async () => {
    const [a] = await openTwo(redis);
    await a.set("note", key, { text: "old" }, { tags: ["t"] });
    await a.set("note", { owner: "me", id: 2 }, { text: "good" }, { tags: ["u"] });
    const name = `${namespace}:v:note:me:1`;
    const kept = String(await redis.command(["EXISTS", name]));
    expect(kept).toBe("1");
    await a.mutate(["t"], async () => {});
    // It joins after the write, so only the numbers in Redis can tell it.
    const late = await open(redis);
    await eventually("it follows the log", isCurrent(late));
    expect(await late.get("note", key)).toBeUndefined();
    expect(await late.get("note", { owner: "me", id: 2 })).toEqual({ text: "good" });
  });

  test("a marker whose writer is gone ends by itself, and counts as a write", async () => {
    const [a, b] = await openTwo(redis);
    await b.set("note", key, { text: "old" }, { tags: ["t"] });
    // A process that has joined the log, begins a write, and is never heard of again.
    const gone = await open(redis);
    await eventually("it follows", isCurrent(gone));
    const position = b.stats().log.position;
    const write = gone.mutate(["t"], () => new Promise<void>(() => {}));
    write.catch(() => {});
    await eventually("the marker is read", () => b.stats().log.pending === 1);
    expect(b.peek("note", key)).toBeUndefined();
    await gone.close();
    await eventually("the marker is gone", () => b.stats().log.pending === 0);
    expect(b.stats().log.position).toBe(position + 2);
    await b.getOrLoad("note", key, async () => ({ text: "new" }), { tags: ["t"] });
    expect(b.peek("note", key)).toEqual({ text: "new" });
    expect(a.stats().log.pending).toBe(0);
  });
});
