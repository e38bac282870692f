import { expect, test } from "bun:test";
import { named, take, usePools, watch } from "./testing/pool-fixture.ts";
import { settlePromises } from "./testing/virtual-clock.ts";

const stage = usePools();
const { poolOf } = stage;

test("a place that comes free goes to people before background work, in order", async () => {
  const lengths: unknown[] = [];
  const pool = poolOf({
    servers: named("a"),
    maxInFlight: 1,
    events: { onQueue: (length) => lengths.push(length) },
  });
  const order: string[] = [];
  const ask = async (name: string, priority?: "background") => {
    using ticket = await pool.acquire({ priority });
    order.push(`${name} after ${ticket.waitedMs}`);
    await settlePromises();
  };
  const first = take(pool);
  const asked = [ask("title", "background"), ask("anna"), ask("ben")];
  await settlePromises();
  expect(lengths.at(-1)).toEqual({ interactive: 2, background: 1 });
  await stage.clock.advance(100);
  first.succeed();
  await Promise.all(asked);
  expect(order).toEqual(["anna after 100", "ben after 100", "title after 100"]);
  expect(lengths.at(-1)).toEqual({ interactive: 0, background: 0 });
});

test("a full line says so at once; a person takes the last background place", async () => {
  const pool = poolOf({ servers: named("a"), maxInFlight: 1, queue: { maxLength: 2 } });
  take(pool);
  const older = watch(pool.acquire({ priority: "background" }));
  const newer = watch(pool.acquire({ priority: "background" }));
  const third = watch(pool.acquire({ priority: "background" }));
  await settlePromises();
  expect(third.error).toMatchObject({ code: "queue_full", status: 503, retryAfterSeconds: 1 });
  const person = watch(pool.acquire());
  await settlePromises();
  expect(newer.error).toMatchObject({ code: "queue_full" });
  expect([older.settled, person.settled]).toEqual([false, false]);
  const people = [watch(pool.acquire()), watch(pool.acquire())];
  await settlePromises();
  expect(older.error).toMatchObject({ code: "queue_full" });
  expect(people.map(({ settled }) => settled)).toEqual([false, true]);
});

test("ends after its time, or when the one who waits leaves", async () => {
  const pool = poolOf({ servers: named("a"), maxInFlight: 1, queue: { maxWaitMs: 500 } });
  const held = take(pool);
  const leaver = new AbortController();
  const left = watch(pool.acquire({ signal: leaver.signal }));
  const patient = watch(pool.acquire());
  await stage.clock.advance(100);
  leaver.abort(new Error("the client has left"));
  await settlePromises();
  expect(left.error).toEqual(new Error("the client has left"));
  await stage.clock.advance(399);
  expect(patient.settled).toBe(false);
  await stage.clock.advance(1);
  expect(patient.error).toMatchObject({ code: "queue_timeout" });
  held.succeed();
  expect(pool.snapshot().waiting).toEqual({ interactive: 0, background: 0 });
  expect(take(pool).server.id).toBe("a");
});

test("each has its own time", async () => {
  const pool = poolOf({ servers: named("a"), maxInFlight: 1, queue: { maxWaitMs: 500 } });
  const held = take(pool);
  const first = watch(pool.acquire());
  await stage.clock.advance(300);
  const second = watch(pool.acquire());
  await stage.clock.advance(200);
  expect([first.settled, second.settled]).toEqual([true, false]);
  await stage.clock.advance(299);
  expect(second.settled).toBe(false);
  await stage.clock.advance(1);
  expect(second.error).toMatchObject({ code: "queue_timeout" });
  held.succeed();
});

test("a signal that was aborted before takes no server", async () => {
  const pool = poolOf();
  const seen = watch(pool.acquire({ signal: AbortSignal.abort(new Error("gone")) }));
  await settlePromises();
  expect(seen.error).toEqual(new Error("gone"));
  expect(pool.snapshot().servers.every(({ inFlight }) => inFlight === 0)).toBe(true);
});

test("one whom no server suits does not hold up those behind it", async () => {
  const servers = [
    { id: "a", url: "http://a", models: ["small"] },
    { id: "b", url: "http://b", models: ["large"] },
  ];
  const pool = poolOf({ servers, maxInFlight: 1 });
  const a = take(pool, { model: "small" });
  take(pool, { model: "large" });
  const large = watch(pool.acquire({ model: "large" }));
  const small = watch(pool.acquire({ model: "small" }));
  a.succeed();
  await settlePromises();
  expect([large.settled, small.value?.server.id]).toEqual([false, "a"]);
});

test("a server that joins, comes back or gets more room serves those who wait", async () => {
  const pool = poolOf({ servers: named("a", "b"), maxInFlight: 1 });
  take(pool);
  take(pool);
  const waiting = [1, 2, 3].map(() => watch(pool.acquire()));
  pool.add({ id: "c", url: "http://c" });
  await settlePromises();
  expect(waiting.map(({ value }) => value?.server.id)).toEqual(["c", undefined, undefined]);
  pool.apply([{ ...named("a")[0]!, maxInFlight: 3 }, ...named("b", "c")]);
  await settlePromises();
  expect(waiting.map(({ value }) => value?.server.id)).toEqual(["c", "a", "a"]);
});

test("when the last server goes, those who wait are told at once", async () => {
  const pool = poolOf({ servers: named("a"), maxInFlight: 1 });
  const held = take(pool);
  const waiting = watch(pool.acquire());
  await settlePromises();
  held.fail("unreachable");
  await settlePromises();
  expect(waiting.error).toMatchObject({ code: "no_healthy_servers", retryAfterSeconds: 3 });
});

test("closing turns everyone away and keeps running tickets good", async () => {
  const pool = poolOf({ servers: named("a"), maxInFlight: 1 });
  const held = take(pool);
  const waiting = watch(pool.acquire());
  await settlePromises();
  pool.close();
  await settlePromises();
  expect(waiting.error).toMatchObject({ code: "pool_closed" });
  expect(() => pool.tryAcquire()).toThrow("closed");
  held.succeed();
});
