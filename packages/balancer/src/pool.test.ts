import { describe, expect, test } from "bun:test";
import { BalancerError, type Pool } from "./index.ts";
import { named, take, usePools, watch } from "./testing/pool-fixture.ts";
import { settlePromises } from "./testing/virtual-clock.ts";

const stage = usePools();
const { poolOf } = stage;

/** Sends one request through, which must go to that server. */
function visit(pool: Pool, id: string): void {
  using ticket = take(pool);
  expect(ticket.server.id).toBe(id);
}

function stateOf(pool: Pool, id: string) {
  return pool.snapshot().servers.find((server) => server.id === id)?.state;
}

describe("a ticket", () => {
  test("counts until it ends, and ends once", () => {
    const pool = poolOf({ servers: named("a") });
    const ticket = take(pool, { cost: 50 });
    const figures = () => {
      const { inFlight, cost, awaitingFirstByte } = pool.snapshot().servers[0]!;
      return { inFlight, cost, awaitingFirstByte };
    };
    expect(figures()).toEqual({ inFlight: 1, cost: 50, awaitingFirstByte: 1 });
    ticket.addCost(-20);
    ticket.firstByte();
    expect(figures()).toEqual({ inFlight: 1, cost: 30, awaitingFirstByte: 0 });
    ticket.addCost(-1000);
    expect(figures().cost).toBe(1);
    ticket.succeed();
    ticket.release();
    ticket.fail("unreachable");
    ticket.addCost(5);
    expect(figures()).toEqual({ inFlight: 0, cost: 0, awaitingFirstByte: 0 });
    expect(stateOf(pool, "a")).toBe("up");
  });

  test("leaves no trace of its cost, whole number or not", () => {
    const pool = poolOf({ servers: named("a") });
    const tickets = [1.1, 1.2, 1.3].map((cost) => take(pool, { cost }));
    for (const ticket of tickets) ticket.succeed();
    expect(pool.snapshot().servers[0]!.cost).toBe(0);
  });

  test("releases itself at the end of its scope", () => {
    const pool = poolOf();
    {
      using _ticket = take(pool);
      expect(pool.snapshot().servers.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(1);
    }
    expect(pool.snapshot().servers.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(0);
  });

  test("tells listeners where it went, what it took and how it ended", async () => {
    const told: unknown[] = [];
    const pool = poolOf({
      servers: named("a"),
      events: {
        onPick: (server, waitedMs) => told.push(["pick", server.id, waitedMs]),
        onFirstByte: (server, latencyMs) => told.push(["byte", server.id, latencyMs]),
        onEnd: (server, end, durationMs) => told.push(["end", server.id, end, durationMs]),
      },
    });
    const ticket = take(pool);
    await stage.clock.advance(5);
    ticket.firstByte();
    await stage.clock.advance(10);
    ticket.fail("interrupted");
    expect(told).toEqual([
      ["pick", "a", 0],
      ["byte", "a", 5],
      ["end", "a", "interrupted", 15],
    ]);
  });
});

describe("servers that come and go", () => {
  test("draining gives nothing new and resolves when the last one is over", async () => {
    const pool = poolOf({ algorithm: "round_robin" });
    const tickets = Array.from({ length: 4 }, () => take(pool));
    const drained = watch(pool.drain("a"));
    for (let at = 0; at < 10; at++) expect(take(pool).server.id).toBe("b");
    const [first, last] = tickets.filter((ticket) => ticket.server.id === "a");
    first!.succeed();
    await settlePromises();
    expect(drained.settled).toBe(false);
    last!.fail("interrupted");
    await settlePromises();
    expect(drained.settled).toBe(true);
    expect(stateOf(pool, "a")).toBe("draining");
    pool.undrain("a");
    expect(stateOf(pool, "a")).toBe("up");
  });

  test("a removed server's tickets end as usual", async () => {
    const pool = poolOf();
    const ticket = take(pool, { exclude: ["b"] });
    const removed = watch(pool.remove("a"));
    expect(pool.snapshot().servers.map(({ id }) => id)).toEqual(["b"]);
    await settlePromises();
    expect(removed.settled).toBe(false);
    ticket.succeed();
    await settlePromises();
    expect(removed.settled).toBe(true);
    expect(() => pool.drain("a")).toThrow('No server has the id "a"; known: b');
  });

  test("a place that comes free on a server that has gone is nobody's", async () => {
    const pool = poolOf({ maxInFlight: 1 });
    const [gone, draining] = [take(pool, { exclude: ["b"] }), take(pool, { exclude: ["a"] })];
    const waiting = watch(pool.acquire());
    pool.add({ id: "c", url: "http://c", models: ["other"], maxInFlight: 1 });
    await settlePromises();
    waiting.value?.release();
    const held = take(pool, { exclude: ["a", "b"] });
    const next = watch(pool.acquire());
    await settlePromises();
    const removed = pool.remove("a");
    const drained = pool.drain("b");
    gone.succeed();
    draining.succeed();
    await Promise.all([removed, drained]);
    expect(next.settled).toBe(false);
    held.succeed();
    await settlePromises();
    expect(next.value?.server.id).toBe("c");
  });

  test("a bad list changes nothing", () => {
    const pool = poolOf();
    const before = pool.snapshot();
    const ticket = take(pool, { exclude: ["b"] });
    expect(() => pool.apply([...named("a", "c"), { url: "http://d", weight: -1 }])).toThrow(
      BalancerError,
    );
    expect(() => pool.apply([])).toThrow("at least one server");
    expect(() => pool.add({ id: "a", url: "http://other" })).toThrow("already listed as server 1");
    ticket.succeed();
    expect(pool.snapshot()).toEqual(before);
  });

  test("a new list keeps who stays, with requests in flight and all that is known", () => {
    const pool = poolOf({ servers: named("a", "b", "c") });
    const ticket = take(pool, { exclude: ["b", "c"] });
    const change = pool.apply([
      { id: "a", url: "http://a", weight: 4 },
      { id: "b", url: "http://elsewhere" },
      { id: "c", url: "http://c" },
      { id: "d", url: "http://d" },
    ]);
    expect(change).toEqual({ added: ["b", "d"], removed: ["b"], changed: ["a"] });
    expect(pool.snapshot().servers.find(({ id }) => id === "a")).toMatchObject({
      weight: 4,
      inFlight: 1,
    });
    ticket.succeed();
  });

  test("a new server starts with a tenth of its share and has all of it in the end", async () => {
    const pool = poolOf({ algorithm: "round_robin", slowStartMs: 10_000 });
    pool.add({ id: "c", url: "http://c" });
    const share = () => {
      let visits = 0;
      for (let at = 0; at < 2100; at++) {
        using ticket = take(pool);
        if (ticket.server.id === "c") visits++;
      }
      return visits / 2100;
    };
    expect(share()).toBeCloseTo(0.1 / 2.1, 2);
    await stage.clock.advance(5000);
    expect(share()).toBeCloseTo(0.5 / 2.5, 1);
    await stage.clock.advance(5000);
    expect(share()).toBeCloseTo(1 / 3, 2);
  });
});

describe("zones", () => {
  const servers = [
    ...named("e1", "e2", "e3", "e4").map((server) => ({ ...server, zone: "east" })),
    ...named("w1", "w2").map((server) => ({ ...server, zone: "west" })),
  ];
  const localShare = (pool: Pool) => {
    let local = 0;
    for (let at = 0; at < 4000; at++) {
      using ticket = take(pool);
      if (ticket.server.zone === "east") local++;
    }
    return local / 4000;
  };

  test("keeps requests at home and spills over what the rest of the zone cannot carry", async () => {
    const pool = poolOf({ servers, zone: "east" });
    expect(localShare(pool)).toBe(1);
    await pool.drain("e1");
    expect(localShare(pool)).toBe(1);
    pool.undrain("e1");
    for (const id of ["e1", "e2"]) take(pool, { exclude: not(id) }).fail("unreachable");
    expect(localShare(pool)).toBeCloseTo(0.7, 1);
    for (const id of ["e3", "e4"]) take(pool, { exclude: not(id) }).fail("unreachable");
    expect(localShare(pool)).toBe(0);
  });

  test("spills over when the zone is full", () => {
    const pool = poolOf({ servers, zone: "east", maxInFlight: 1 });
    const zones = Array.from({ length: 6 }, () => take(pool).server.zone);
    expect(zones).toEqual(["east", "east", "east", "east", "west", "west"]);
  });

  const not = (id: string) => servers.map((server) => server.id).filter((other) => other !== id);
});

describe("cooling down", () => {
  test("a server that answers 429 is left alone for as long as it asked, and is not ill", async () => {
    const ejections: unknown[] = [];
    const pool = poolOf({ events: { onEjection: (ejection) => ejections.push(ejection) } });
    for (let at = 0; at < 5; at++) {
      take(pool, { exclude: ["b"] }).fail("rate_limited", { retryAfterMs: 20_000 });
      expect(stateOf(pool, "a")).toBe("cooling");
      visit(pool, "b");
      await stage.clock.advance(20_000);
      expect(stateOf(pool, "a")).toBe("up");
    }
    expect(ejections).toEqual([]);
    expect(pool.snapshot().servers[0]!.latencyMs).toBe(0);
  });

  test("of one credential it leaves the others alone", () => {
    const pool = poolOf({ servers: named("a") });
    take(pool, { credential: "key 1" }).fail("rate_limited", { retryAfterMs: 60_000 });
    expect(() => pool.tryAcquire({ credential: "key 1" })).toThrow("asked to be left alone");
    expect(take(pool, { credential: "key 2" }).server.id).toBe("a");
    expect(take(pool).server.id).toBe("a");
    expect(stateOf(pool, "a")).toBe("up");
  });

  test("a short one is waited for, a long one is an error with Retry-After at once", async () => {
    const pool = poolOf({ servers: named("a"), queue: { maxWaitMs: 5000 } });
    take(pool).fail("rate_limited", { retryAfterMs: 3000 });
    const waiting = watch(pool.acquire());
    await stage.clock.advance(2999);
    expect(waiting.settled).toBe(false);
    await stage.clock.advance(1);
    expect(waiting.value?.server.id).toBe("a");
    waiting.value?.fail("rate_limited", { retryAfterMs: 30_000 });
    const refused = watch(pool.acquire());
    await settlePromises();
    expect(refused.error).toMatchObject({ code: "servers_cooling_down", retryAfterSeconds: 30 });
  });

  test("a short one of a credential is waited for as well", async () => {
    const pool = poolOf({ servers: named("a"), queue: { maxWaitMs: 5000 } });
    take(pool, { credential: "key" }).fail("rate_limited", { retryAfterMs: 3000 });
    const waiting = watch(pool.acquire({ credential: "key" }));
    await stage.clock.advance(3000);
    expect(waiting.value?.server.id).toBe("a");
  });
});

test.each([
  [{ maxInFlight: 0 }, "maxInFlight must be a whole number from 1 to Infinity, not 0"],
  [{ queue: { maxLength: -1 } }, "queue.maxLength must be a whole number from 0"],
  [{ affinityLoadFactor: 0.5 }, "affinityLoadFactor must be a number from 1 to 100, not 0.5"],
  [{ ejection: { baseMs: 5000, maxMs: 10 } }, "ejection.maxMs must be a number from 5000"],
  [{ ejection: { maxFraction: 2 } }, "ejection.maxFraction must be a number from 0 to 1, not 2"],
  [{ slowStartMs: Number.NaN }, "slowStartMs must be a number from 0 to 86400000, not NaN"],
])("refuses the options %j", (options, words) => {
  expect(() => poolOf(options)).toThrow(words);
});
