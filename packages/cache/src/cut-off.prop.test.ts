import { afterAll, beforeAll, describe, expect, test } from "#test";
import { createCache } from "./create-cache.ts";
import { eventually } from "./testing/eventually.ts";
import { FaultyProxy } from "./testing/faulty-proxy.ts";
import { startPostgres, type TestPostgres } from "./testing/postgres-server.ts";
import { TestRedis } from "./testing/redis-server.ts";
import { openTruth, type Truth } from "./testing/sql-truth.ts";
import { sleep } from "./time-limit.ts";
import { typed } from "./type-table.ts";

/** One process is cut off from Redis and goes on writing; the other is not, and goes on reading. */
describe("a writer that alone is cut off", () => {
  const LEASE_MS = 300;
  let postgres: TestPostgres;
  let truth: Truth;
  let redis: TestRedis;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), TestRedis.start()]);
    truth = openTruth(postgres.url);
    await truth.create(1);
  }, 60_000);
  afterAll(async () => {
    await truth?.close();
    await Promise.all([postgres?.stop(), redis?.dispose()]);
  }, 60_000);

  async function openAt(port: number) {
    const cache = await createCache({
      types: {
        cell: { lifetimeMs: 60_000, layer: "redis", key: ["id"], value: typed<{ n: number }>() },
      },
      redis: { target: redis.target(port) },
      witness: truth.witness,
      leaseMs: LEASE_MS,
      pendingLeaseMs: 900,
    });
    await eventually("it follows the log", () => cache.stats().log.state === "current");
    const read = () =>
      cache.getOrLoad("cell", { owner: 1, id: 0 }, async () => ({ n: await truth.read(0) }), {
        tags: ["cell:0"],
      });
    const write = () => cache.mutate(["cell:0"], () => truth.increment(0));
    return { cache, read, write };
  }

  for (const mode of ["refuse", "drop"] as const) {
    test(`(${mode}) is acknowledged, and nobody reads older`, async () => {
      const proxy = await FaultyProxy.start({ port: redis.port });
      const a = await openAt(proxy.port);
      const b = await openAt(redis.port);
      await a.read();
      await b.read();
      await sleep(LEASE_MS * 2);
      await eventually("b still has it", () => {
        return b.cache.peek("cell", { owner: 1, id: 0 }) !== undefined;
      });

      proxy.setMode(mode);
      for (let round = 0; round < 5; round++) {
        const n = await a.write();
        expect((await b.read()).n).toBe(n);
        expect((await a.read()).n).toBe(n);
      }
      expect(b.cache.stats().log.state).toBe("suspended");

      // The first write waits for the lease of the other, later ones for nothing.
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const started = performance.now();
        await a.write();
        times.push(performance.now() - started);
      }
      expect(Math.min(...times)).toBeLessThan(LEASE_MS);

      proxy.setMode("pass");
      await eventually("all is well again", async () => {
        await Promise.all([a.read(), b.read()]);
        const states = [a.cache, b.cache].map((cache) => cache.stats().log.state);
        return states.every((state) => state === "current");
      });
      const n = await b.write();
      expect((await a.read()).n).toBe(n);
      expect((await b.read()).n).toBe(n);
      await a.cache.close();
      await b.cache.close();
      await proxy.stop();
    }, 60_000);

    test(`(${mode}) and dies: the others go on once it has been silent for long`, async () => {
      const proxy = await FaultyProxy.start({ port: redis.port });
      const b = await openAt(redis.port);
      await b.read();
      // What it leaves behind: a name at the witness, and a write that the log never heard of.
      await truth.witness.enter("a-dead-process");
      const n = await truth.increment(0);
      await eventually("b goes on", () => b.cache.stats().log.state === "suspended");
      await eventually("b goes on", () => b.cache.stats().log.state === "current");
      expect((await b.read()).n).toBe(n);
      await b.cache.close();
      await proxy.stop();
    }, 60_000);
  }
});
