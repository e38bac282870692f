import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Pool, type PoolOptions, type ServerSpec, type Ticket } from "../index.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";

const clock = new VirtualClock();

function poolOf(servers: readonly ServerSpec[], options: Partial<PoolOptions>): Pool {
  return new Pool({ servers, clock, random: seededRandom(3), slowStartMs: 0, ...options });
}

function named(count: number): ServerSpec[] {
  return Array.from({ length: count }, (_, at) => ({ id: `s${at}`, url: `http://s${at}` }));
}

function take(pool: Pool, demand = {}): Ticket {
  const ticket = pool.tryAcquire(demand);
  if (ticket === undefined) throw new Error("no server had room");
  return ticket;
}

/** Sends one request through and says where it went. */
function visit(pool: Pool, demand = {}): string {
  using ticket = take(pool, demand);
  return ticket.server.id;
}

describe("round_robin", () => {
  test("5, 1 and 1 come spread out and not in a row", () => {
    const servers = [5, 1, 1].map((weight, at) => ({
      id: "abc"[at]!,
      url: `http://s${at}`,
      weight,
    }));
    using pool = poolOf(servers, { algorithm: "round_robin" });
    const order = Array.from({ length: 14 }, () => visit(pool)).join("");
    expect(order).toBe("aabacaaaabacaa");
  });

  test("every whole round gives each server exactly its weight", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        (weights) => {
          const servers = weights.map((weight, at) => ({
            id: `${at}`,
            url: `http://s${at}`,
            weight,
          }));
          using pool = poolOf(servers, { algorithm: "round_robin" });
          const round = weights.reduce((sum, weight) => sum + weight, 0);
          const counts = weights.map(() => 0);
          for (let at = 0; at < round; at++) counts[Number(visit(pool))]!++;
          const even = weights.every((weight) => weight === weights[0]);
          expect(counts).toEqual(even ? weights.map(() => weights[0]!) : weights);
        },
      ),
    );
  });
});

describe("least_connections", () => {
  test("counts the cost still to come, as tickets correct it", () => {
    using pool = poolOf(named(2), { algorithm: "least_connections" });
    const long = take(pool, { cost: 1000 });
    const other = long.server.id === "s0" ? "s1" : "s0";
    const short = Array.from({ length: 9 }, () => take(pool, { cost: 100 }));
    expect(short.every((ticket) => ticket.server.id === other)).toBe(true);
    long.addCost(-950);
    expect(visit(pool, { cost: 100 })).toBe(long.server.id);
  });

  test("equals take turns", () => {
    using pool = poolOf(named(4), { algorithm: "least_connections" });
    expect(new Set(Array.from({ length: 4 }, () => visit(pool))).size).toBe(4);
  });
});

describe("least_load", () => {
  const idle = { cpuFraction: 0.1, eventLoopDelayMs: 1, runningAnswers: 2 };

  test("believes what servers say, also of load that comes from elsewhere", () => {
    using pool = poolOf(named(2), { algorithm: "least_load" });
    pool.report("s0", { ...idle, runningAnswers: 50 });
    pool.report("s1", idle);
    expect(new Set(Array.from({ length: 20 }, () => visit(pool)))).toEqual(new Set(["s1"]));
    pool.report("s0", idle);
    pool.report("s1", { ...idle, eventLoopDelayMs: 90 });
    expect(new Set(Array.from({ length: 20 }, () => visit(pool)))).toEqual(new Set(["s0"]));
  });

  test("adds what was sent since the report, so that an old report draws no crowd", () => {
    using pool = poolOf(named(2), { algorithm: "least_load" });
    pool.report("s0", idle);
    pool.report("s1", { ...idle, runningAnswers: 12 });
    const ids = Array.from({ length: 30 }, () => take(pool).server.id);
    expect(ids.slice(0, 9)).toEqual(Array(9).fill("s0"));
    expect(ids.filter((id) => id === "s1").length).toBeGreaterThanOrEqual(9);
  });

  test("stops believing a report that is too old", async () => {
    using pool = poolOf(named(2), { algorithm: "least_load", reportMaxAgeMs: 1000 });
    pool.report("s0", { ...idle, cpuFraction: 0.9 });
    expect(visit(pool)).toBe("s1");
    await clock.advance(1001);
    expect(new Set(Array.from({ length: 20 }, () => visit(pool))).size).toBe(2);
  });
});

describe("peak_ewma", () => {
  test("leaves a server that has become slow after one slow answer, and tries it again later", async () => {
    using pool = poolOf(named(2), { algorithm: "peak_ewma", latencyDecayMs: 1000 });
    const answer = async (latencyMs: (id: string) => number) => {
      const ticket = take(pool);
      await clock.advance(latencyMs(ticket.server.id));
      ticket.succeed();
      return ticket.server.id;
    };
    for (let at = 0; at < 20; at++) await answer(() => 10);
    const slow = (id: string) => (id === "s0" ? 300 : 10);
    const visits: string[] = [];
    for (let at = 0; at < 100; at++) visits.push(await answer(slow));
    expect(visits.filter((id) => id === "s0").length).toBeLessThanOrEqual(2);
    await clock.advance(5000);
    const later: string[] = [];
    for (let at = 0; at < 10; at++) later.push(await answer(() => 10));
    expect(later).toContain("s0");
  });

  test("avoids a stuck server before any of its requests has failed", async () => {
    using pool = poolOf(named(2), { algorithm: "peak_ewma" });
    const stuck: Ticket[] = [];
    let sentToStuck = 0;
    for (let at = 0; at < 200; at++) {
      const ticket = take(pool);
      if (ticket.server.id === "s0" && at >= 20) {
        stuck.push(ticket);
        sentToStuck++;
      } else {
        await clock.advance(10);
        ticket.succeed();
      }
    }
    expect(sentToStuck).toBeLessThanOrEqual(2);
    for (const ticket of stuck) ticket.release();
  });
});

test("peak_ewma counts the age of a request that waits as latency", async () => {
  using pool = poolOf(named(2), { algorithm: "peak_ewma" });
  const late = take(pool, { exclude: ["s1"] });
  await clock.advance(1000);
  const busy = Array.from({ length: 4 }, () => take(pool, { exclude: ["s0"] }));
  await clock.advance(10);
  for (let at = 0; at < 10; at++) expect(visit(pool)).toBe("s1");
  late.firstByte();
  for (const ticket of busy) ticket.release();
});

describe("affinity", () => {
  const keys = Array.from({ length: 2000 }, (_, at) => `conversation ${at}`);

  test("sends a key to the same server, in every process", () => {
    using one = poolOf(named(10), { algorithm: "affinity" });
    using other = poolOf(named(10).reverse(), { algorithm: "affinity", random: seededRandom(9) });
    for (const key of keys) expect(visit(one, { key })).toBe(visit(other, { key }));
  });

  test("a server that goes moves its own keys only, and gets the same ones back", async () => {
    using pool = poolOf(named(10), { algorithm: "affinity" });
    const before = keys.map((key) => visit(pool, { key }));
    await pool.remove("s3");
    const without = keys.map((key) => visit(pool, { key }));
    for (const [at, id] of before.entries()) {
      if (id === "s3") expect(without[at]).not.toBe("s3");
      else expect(without[at]).toBe(id);
    }
    expect(new Set(without.filter((_, at) => before[at] === "s3")).size).toBe(9);
    pool.add({ id: "s3", url: "http://s3" });
    expect(keys.map((key) => visit(pool, { key }))).toEqual(before);
  });

  test("a busy key overflows to its next choices and never loads a server past the bound", () => {
    using pool = poolOf(named(8), { algorithm: "affinity" });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 300 }), (sequence) => {
        const tickets = sequence.map((key) => take(pool, { key: `busy ${key}` }));
        const { servers } = pool.snapshot();
        for (const { inFlight } of servers) {
          expect(inFlight).toBeLessThanOrEqual(1.25 * (sequence.length / 8) + 3);
        }
        for (const ticket of tickets) ticket.succeed();
      }),
    );
  });

  test("goes to the next choice when the first is full or ill, and back when it is well", async () => {
    using pool = poolOf(named(5), { algorithm: "affinity", maxInFlight: 1 });
    const home = visit(pool, { key: "k" });
    const held = take(pool, { key: "k" });
    const second = visit(pool, { key: "k" });
    expect(second).not.toBe(home);
    held.succeed();
    expect(visit(pool, { key: "k" })).toBe(home);
    await pool.drain(home);
    expect(visit(pool, { key: "k" })).toBe(second);
    pool.undrain(home);
    expect(visit(pool, { key: "k" })).toBe(home);
  });
});
