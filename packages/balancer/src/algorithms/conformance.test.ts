import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BalancerError } from "../errors.ts";
import { Pool, type PoolOptions, type ServerSpec, type Ticket } from "../index.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { type AlgorithmName, algorithmNames } from "./create-algorithm.ts";

function poolOf(servers: readonly ServerSpec[], options: Partial<PoolOptions> = {}): Pool {
  return new Pool({ servers, clock: new VirtualClock(), random: seededRandom(1), ...options });
}

function named(count: number, more: Partial<ServerSpec> = {}): ServerSpec[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `s${at}`,
    url: `http://s${at}`,
    ...more,
  }));
}

function take(pool: Pool, demand = {}): Ticket {
  const ticket = pool.tryAcquire(demand);
  if (ticket === undefined) throw new Error("no server had room");
  return ticket;
}

function countIds(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

test("an unknown algorithm is refused with the names of the known ones", () => {
  const options = { servers: named(1), algorithm: "round-robin" as AlgorithmName };
  expect(() => new Pool(options)).toThrow(
    'unknown algorithm "round-robin"; choose one of round_robin, least_connections, least_load, peak_ewma, affinity',
  );
});

describe.each([...algorithmNames])("%s", (algorithm) => {
  test("finds the only server with room, wherever it stands", () => {
    for (let free = 0; free < 7; free++) {
      const servers = named(7).map((server, at) => ({
        ...server,
        maxInFlight: at === free ? 100 : 1,
      }));
      using pool = poolOf(servers, { algorithm });
      const tickets = Array.from({ length: 106 }, (_, at) => take(pool, { key: `k${at}` }));
      expect(pool.tryAcquire({ key: "one more" })).toBeUndefined();
      expect(tickets.filter((ticket) => ticket.server.id === `s${free}`)).toHaveLength(100);
    }
  });

  test("never goes beyond a limit, and never waits while there is room", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
        fc.array(
          fc.record({ key: fc.option(fc.string(), { nil: undefined }), ends: fc.boolean() }),
        ),
        (limits, requests) => {
          using pool = poolOf(
            limits.map((maxInFlight, at) => ({
              url: `http://s${at}`,
              maxInFlight,
              weight: at + 1,
            })),
            { algorithm },
          );
          const room = limits.reduce((sum, limit) => sum + limit, 0);
          const out: Ticket[] = [];
          for (const { key, ends } of requests) {
            if (ends) out.shift()?.succeed();
            const ticket = pool.tryAcquire({ key });
            expect(ticket === undefined).toBe(out.length === room);
            if (ticket !== undefined) out.push(ticket);
            for (const [at, server] of pool.snapshot().servers.entries()) {
              expect(server.inFlight).toBeLessThanOrEqual(limits[at]!);
            }
          }
        },
      ),
    );
  });

  test("spreads requests that stay, each server within a fair share", () => {
    using pool = poolOf(named(10), { algorithm });
    const ids = Array.from({ length: 1000 }, (_, at) => take(pool, { key: `k${at}` }).server.id);
    for (const count of countIds(ids).values()) {
      expect(count).toBeGreaterThan(70);
      expect(count).toBeLessThan(130);
    }
  });

  test("gives a server of three times the weight three times the load", () => {
    const servers = named(10).map((server, at) => ({ ...server, weight: at < 5 ? 3 : 1 }));
    using pool = poolOf(servers, { algorithm });
    const ids = Array.from({ length: 2000 }, (_, at) => take(pool, { key: `k${at}` }).server.id);
    const heavy = ids.filter((id) => Number(id.slice(1)) < 5).length;
    expect(heavy / (2000 - heavy)).toBeGreaterThan(2.5);
    expect(heavy / (2000 - heavy)).toBeLessThan(3.5);
  });

  test("respects what a request excludes and which model it wants", () => {
    const servers = named(4).map((server, at) => ({
      ...server,
      models: at < 2 ? ["small"] : ["small", "large"],
    }));
    using pool = poolOf(servers, { algorithm });
    for (let at = 0; at < 50; at++) {
      const demand = { key: `k${at}`, model: "large", exclude: ["s2"] };
      expect(take(pool, demand).server.id).toBe("s3");
    }
    expect(() => pool.tryAcquire({ model: "huge" })).toThrow('No server offers the model "huge"');
  });

  test("uses a backup only when nobody else can take the request", async () => {
    using pool = poolOf([...named(2), { id: "spare", url: "http://spare", backup: true }], {
      algorithm,
    });
    const pick = () => {
      using ticket = take(pool, { key: "k" });
      return ticket.server.id;
    };
    for (let at = 0; at < 20; at++) expect(pick()).not.toBe("spare");
    await pool.drain("s0");
    expect(pick()).toBe("s1");
    await pool.drain("s1");
    expect(pick()).toBe("spare");
    pool.undrain("s0");
    expect(pick()).toBe("s0");
  });

  test("an empty choice is an error at once, never a hang", async () => {
    using pool = poolOf(named(2), { algorithm });
    await pool.remove("s0");
    await pool.drain("s1");
    const error = await pool.acquire({ key: "k" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BalancerError);
    expect(error).toMatchObject({ code: "no_healthy_servers", status: 503, retryAfterSeconds: 1 });
  });
});
