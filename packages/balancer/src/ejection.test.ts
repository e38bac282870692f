import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Pool, type PoolOptions, type Ticket } from "./index.ts";
import type { Ejection, StateChange } from "./pool-events.ts";
import { seededRandom } from "./testing/seeded-random.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";

let clock: VirtualClock;
let ejections: string[];
let changes: string[];
let lastForMs: number;

beforeEach(() => {
  clock = new VirtualClock();
  ejections = [];
  changes = [];
});

afterEach(() => expect(clock.pending).toBe(0));

function poolOf(count: number, options: Partial<PoolOptions> = {}): Pool {
  return new Pool({
    servers: Array.from({ length: count }, (_, at) => ({ id: `s${at}`, url: `http://s${at}` })),
    algorithm: "round_robin",
    clock,
    random: () => 0,
    events: {
      onEjection: ({ server, reason, forMs }: Ejection) => {
        ejections.push(`${server.id} ${reason}`);
        lastForMs = forMs;
      },
      onStateChange: ({ server, from, to }: StateChange) =>
        changes.push(`${server.id} ${from} ${to}`),
    },
    ...options,
  });
}

function take(pool: Pool, id?: string): Ticket {
  const others = pool.snapshot().servers.map((server) => server.id);
  const exclude = id === undefined ? [] : others.filter((other) => other !== id);
  const ticket = pool.tryAcquire({ exclude });
  if (ticket === undefined) throw new Error("no server had room");
  return ticket;
}

async function answer(pool: Pool, id: string, latencyMs: number): Promise<void> {
  const ticket = take(pool, id);
  await clock.advance(latencyMs);
  ticket.succeed();
}

function stateOf(pool: Pool, id: string) {
  return pool.snapshot().servers.find((server) => server.id === id)?.state;
}

describe("failures", () => {
  test("a refused connection costs one try, and the next request goes elsewhere", () => {
    using pool = poolOf(2);
    take(pool, "s0").fail("unreachable");
    expect(ejections).toEqual(["s0 unreachable"]);
    for (let at = 0; at < 20; at++) {
      using ticket = take(pool);
      expect(ticket.server.id).toBe("s1");
    }
  });

  test.each(["reset", "timeout", "status", "protocol", "interrupted"] as const)(
    "three in a row by %s eject, two and a success do not",
    (kind) => {
      using pool = poolOf(2);
      for (let at = 0; at < 10; at++) {
        take(pool, "s0").fail(kind);
        take(pool, "s0").fail(kind);
        take(pool, "s0").succeed();
      }
      expect(ejections).toEqual([]);
      for (let at = 0; at < 3; at++) take(pool, "s0").fail(kind);
      expect(ejections).toEqual(["s0 failures"]);
    },
  );

  test("an old answer that ends well does not hide that new ones fail", async () => {
    using pool = poolOf(2);
    const streams = [1, 2, 3].map(() => take(pool, "s0"));
    for (const stream of streams) stream.firstByte();
    await clock.advance(10);
    for (const stream of streams) {
      take(pool, "s0").fail("status");
      stream.succeed();
    }
    expect(ejections).toEqual(["s0 failures"]);
  });

  test("guesses never eject more than the share, whatever fails", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(fc.nat(8), { maxLength: 200 }),
        (count, maxFraction, failing) => {
          using pool = poolOf(count, { ejection: { maxFraction } });
          for (const at of failing) {
            const id = `s${at % count}`;
            if (stateOf(pool, id) === "up") take(pool, id).fail("timeout");
          }
          const ejected = pool.snapshot().servers.filter(({ state }) => state === "ejected").length;
          const most =
            count === 1 || maxFraction === 0 ? 0 : Math.max(1, Math.floor(maxFraction * count));
          expect(ejected).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  test("refused connections are no guess: when all refuse, requests fail at once", () => {
    using pool = poolOf(3);
    for (const id of ["s0", "s1", "s2"]) take(pool, id).fail("unreachable");
    expect(() => pool.tryAcquire()).toThrow("None of 3 servers can take a request (3 ejected)");
  });
});

describe("an ejection", () => {
  test("ends with one request as a trial, and grows each time that fails", async () => {
    using pool = poolOf(2);
    take(pool, "s0").fail("unreachable");
    for (const forMs of [2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000]) {
      expect(lastForMs).toBe(forMs);
      await clock.advance(forMs - 1);
      expect(stateOf(pool, "s0")).toBe("ejected");
      await clock.advance(1);
      expect(stateOf(pool, "s0")).toBe("trial");
      const trial = take(pool, "s0");
      expect(pool.tryAcquire({ exclude: ["s1"] })).toBeUndefined();
      trial.fail("timeout");
      expect(stateOf(pool, "s0")).toBe("ejected");
    }
    await clock.advance(120_000);
    take(pool, "s0").firstByte();
    expect(stateOf(pool, "s0")).toBe("up");
    take(pool, "s0").fail("unreachable");
    expect(lastForMs).toBe(120_000);
    await clock.advance(120_000);
    take(pool, "s0").succeed();
    await clock.advance(5 * 60_000 + 1);
    take(pool, "s0").fail("unreachable");
    expect(lastForMs).toBe(2000);
  });

  test("a trial whose client leaves proves nothing, and the next request is the trial", async () => {
    using pool = poolOf(2);
    take(pool, "s0").fail("unreachable");
    await clock.advance(2000);
    take(pool, "s0").release();
    expect(stateOf(pool, "s0")).toBe("trial");
    take(pool, "s0").succeed();
    expect(stateOf(pool, "s0")).toBe("up");
    expect(changes).toEqual([
      "s0 unproven up",
      "s1 unproven up",
      "s0 up ejected",
      "s0 ejected trial",
      "s0 trial up",
    ]);
  });

  test("what was under way when the server was ejected does not eject it twice", async () => {
    using pool = poolOf(6);
    const late = [1, 2, 3, 4, 5, 6].map(() => take(pool, "s0"));
    for (const ticket of late.slice(0, 3)) ticket.fail("timeout");
    for (const ticket of late.slice(3)) ticket.fail("timeout");
    expect(ejections).toEqual(["s0 failures"]);
    await clock.advance(2000);
    expect(stateOf(pool, "s0")).toBe("trial");
  });

  test("returns with a slow start", async () => {
    using pool = poolOf(2, { slowStartMs: 10_000 });
    take(pool, "s0").fail("unreachable");
    await clock.advance(2000);
    take(pool, "s0").succeed();
    const weights = () => pool.snapshot().servers.map(({ currentWeight }) => currentWeight);
    expect(weights()).toEqual([0.1, 1]);
    await clock.advance(5000);
    expect(weights()).toEqual([0.5, 1]);
    await clock.advance(5000);
    expect(weights()).toEqual([1, 1]);
  });
});

describe("latency", () => {
  test("a server that is far slower than the others is ejected, one that is a bit slower is not", async () => {
    using pool = poolOf(5);
    for (let round = 0; round < 30; round++) {
      for (const id of ["s1", "s2", "s3"]) await answer(pool, id, 20);
      await answer(pool, "s4", 75);
      if (stateOf(pool, "s0") === "up") await answer(pool, "s0", 200);
    }
    expect(new Set(ejections)).toEqual(new Set(["s0 slow"]));
  });

  test("one answer of a hundred times the usual ejects nobody", async () => {
    using pool = poolOf(4);
    for (let round = 0; round < 30; round++) {
      for (const id of ["s0", "s1", "s2", "s3"]) await answer(pool, id, 20);
    }
    await answer(pool, "s0", 2000);
    for (let round = 0; round < 30; round++) {
      for (const id of ["s0", "s1", "s2", "s3"]) await answer(pool, id, 20);
    }
    expect(ejections).toEqual([]);
  });

  test("a server that takes requests and answers none is ejected before they fail, and they are told", async () => {
    using pool = poolOf(3);
    const lost: number[] = [];
    for (let at = 0; at < 8; at++) await answer(pool, "s1", 20);
    const stuck = [0, 1, 2].map((at) => {
      const ticket = take(pool, "s0");
      ticket.onServerLost = () => lost.push(at);
      return ticket;
    });
    for (let at = 0; at < 40; at++) await answer(pool, "s1", 20);
    expect(ejections).toEqual([]);
    for (let at = 0; at < 80; at++) await answer(pool, "s1", 20);
    expect(ejections).toEqual(["s0 stalled"]);
    expect(lost).toEqual([0, 1, 2]);
    for (const ticket of stuck) ticket.release();
  });

  test("slow first bytes are no stall while answers keep coming, or while all are that slow", async () => {
    using pool = poolOf(3);
    for (let at = 0; at < 8; at++) await answer(pool, "s1", 20);
    const waiting = [take(pool, "s0"), take(pool, "s0"), take(pool, "s0")];
    for (let at = 0; at < 100; at++) {
      await answer(pool, "s1", 20);
      await answer(pool, "s0", 20);
    }
    expect(ejections).toEqual([]);
    for (const ticket of waiting) ticket.release();

    using models = poolOf(3);
    for (let at = 0; at < 8; at++) await answer(models, "s1", 3000);
    const prompts = ["s0", "s0", "s0", "s0"].map((id) => take(models, id));
    await answer(models, "s1", 20_000);
    models.snapshot();
    expect(ejections).toEqual([]);
    await clock.advance(30_000);
    models.snapshot();
    expect(ejections).toEqual(["s0 stalled"]);
    for (const ticket of prompts) ticket.release();
  });
});

test("seeded runs come back at different times", () => {
  const durations = [1, 2, 3].map((seed) => {
    using pool = poolOf(2, { random: seededRandom(seed) });
    take(pool, "s0").fail("unreachable");
    return lastForMs;
  });
  expect(new Set(durations).size).toBe(3);
  for (const forMs of durations) {
    expect(forMs).toBeGreaterThanOrEqual(2000);
    expect(forMs).toBeLessThanOrEqual(2200);
  }
});
