import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Pool, type PoolOptions, type Ticket } from "./index.ts";
import type { HealthOptions } from "./pool-options.ts";
import type { ProbeAnswer } from "./ready-answer.ts";
import { seededRandom } from "./testing/seeded-random.ts";
import { settlePromises, VirtualClock } from "./testing/virtual-clock.ts";

type Behaviour = () => ProbeAnswer | Promise<ProbeAnswer>;

const ready: Behaviour = () => ({ status: 200, body: '{"status":"ready","checks":{}}' });
const unready: Behaviour = () => ({ status: 503, body: '{"status":"unready","checks":{}}' });
const draining: Behaviour = () => ({ status: 503, body: '{"status":"draining","checks":{}}' });
const refusing: Behaviour = () => Promise.reject(new Error("connection refused"));
const silent: Behaviour = () => new Promise(() => {});

let clock: VirtualClock;
let behaviours: Map<string, Behaviour>;
let asked: { id: string; atMs: number }[];
let underWay: number;
let mostUnderWay: number;
let words: string[];

beforeEach(() => {
  clock = new VirtualClock();
  behaviours = new Map();
  asked = [];
  underWay = 0;
  mostUnderWay = 0;
  words = [];
});

afterEach(() => expect(clock.pending).toBe(0));

function poolOf(
  count: number,
  health: Partial<HealthOptions> = {},
  more: Partial<PoolOptions> = {},
) {
  return new Pool({
    servers: Array.from({ length: count }, (_, at) => ({ id: `s${at}`, url: `http://s${at}` })),
    clock,
    random: seededRandom(1),
    events: { onProbe: (result) => words.push(result.words) },
    health: {
      probe: async (server, signal) => {
        asked.push({ id: server.id, atMs: clock.now() });
        underWay++;
        mostUnderWay = Math.max(mostUnderWay, underWay);
        signal.addEventListener("abort", () => underWay--);
        const answer = await (behaviours.get(server.id) ?? ready)();
        underWay--;
        return answer;
      },
      ...health,
    },
    ...more,
  });
}

function stateOf(pool: Pool, id = "s0") {
  return pool.snapshot().servers.find((server) => server.id === id)?.state;
}

function take(pool: Pool, id: string): Ticket {
  const others = pool.snapshot().servers.map((server) => server.id);
  const ticket = pool.tryAcquire({ exclude: others.filter((other) => other !== id) });
  if (ticket === undefined) throw new Error("no server had room");
  return ticket;
}

describe("the first probe", () => {
  test("settles a server, and requests wait for it instead of failing", async () => {
    behaviours.set("s0", refusing);
    using pool = poolOf(2);
    expect(stateOf(pool)).toBe("unproven");
    const ticket = await pool.acquire();
    expect(ticket.server.id).toBe("s1");
    expect([stateOf(pool), stateOf(pool, "s1")]).toEqual(["down", "up"]);
    ticket.succeed();
  });

  test("when it finds all down, those who wait are told at once", async () => {
    behaviours.set("s0", refusing);
    using pool = poolOf(1);
    const error = await pool.acquire().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "no_healthy_servers", retryAfterSeconds: 5 });
  });
});

test("takes three bad probes to take a server down and two good ones to bring it back", async () => {
  using pool = poolOf(1, { intervalMs: 10_000 });
  await clock.advance(25_000);
  behaviours.set("s0", unready);
  asked = [];
  while (asked.length < 1) await clock.advance(100);
  const firstBadMs = clock.now();
  expect(stateOf(pool)).toBe("up");
  while (asked.length < 3) await clock.advance(100);
  expect(stateOf(pool)).toBe("down");
  expect(clock.now() - firstBadMs).toBeLessThan(3000);
  behaviours.set("s0", ready);
  asked = [];
  while (asked.length < 1) await clock.advance(100);
  expect(stateOf(pool)).toBe("down");
  while (asked.length < 2) await clock.advance(100);
  expect(stateOf(pool)).toBe("up");
});

test("a hiccup takes nobody down", async () => {
  using pool = poolOf(1, { intervalMs: 10_000 });
  let count = 0;
  behaviours.set("s0", () => (count++ % 3 === 2 ? ready() : count === 1 ? ready() : unready()));
  for (let at = 0; at < 200; at++) {
    await clock.advance(500);
    expect(stateOf(pool)).toBe("up");
  }
});

test("never asks all at once, and spreads what comes later over the interval", async () => {
  using pool = poolOf(100, { intervalMs: 30_000, maxConcurrent: 5 });
  await clock.advance(0);
  expect(asked).toHaveLength(100);
  expect(mostUnderWay).toBeLessThanOrEqual(5);
  asked = [];
  await clock.advance(300_000);
  const perSecond = new Array(300).fill(0);
  for (const { atMs } of asked) perSecond[Math.min(299, Math.floor(atMs / 1000))]++;
  expect(Math.max(...perSecond)).toBeLessThan(20);
  expect(asked.length).toBeGreaterThan(900);
  expect(asked.length).toBeLessThan(1200);
  expect(stateOf(pool, "s99")).toBe("up");
});

test("a probe without an answer is given up, and holds up nobody else", async () => {
  behaviours.set("s0", silent);
  behaviours.set("s1", silent);
  using pool = poolOf(4, { timeoutMs: 2000, maxConcurrent: 2 });
  await clock.advance(1999);
  expect([stateOf(pool, "s0"), stateOf(pool, "s2")]).toEqual(["unproven", "unproven"]);
  await clock.advance(1);
  expect([stateOf(pool, "s0"), stateOf(pool, "s2")]).toEqual(["down", "up"]);
  expect(words).toContain("no answer within 2000 ms");
  expect(underWay).toBe(0);
});

describe("an answer", () => {
  test.each([
    [{ status: 200, body: "<html>Welcome</html>" }, 'it answers 200 with "<html>Welcome</html>"'],
    [{ status: 200, body: "" }, 'it answers 200 with ""'],
    [{ status: 200, body: "null" }, 'it answers 200 with "null"'],
    [{ status: 200, body: '{"status":"ok"}' }, 'it answers 200 with the status "ok"'],
    [{ status: 200, body: '{"status":"unready"}' }, 'the status "unready" instead of "ready"'],
    [{ status: 404, body: "not found" }, "it answers 404"],
    [{ status: 301, body: "" }, "it answers 301"],
    [{ status: 503, body: '{"status":"unready"}' }, 'it answers 503 and says "unready"'],
    [
      { status: 200, body: '{"status":"ready"}' },
      'version undefined of the API, and "2" is needed',
    ],
    [{ status: 200, body: '{"status":"ready","api_version":"1"}' }, 'it answers for version "1"'],
  ])("of %j is not healthy", async (answer, why) => {
    behaviours.set("s0", () => answer);
    using pool = poolOf(1, { apiVersion: "2" });
    await clock.advance(0);
    expect(stateOf(pool)).toBe("down");
    expect(words[0]).toContain(why);
    expect(pool.snapshot().servers[0]!.reason).toContain(why);
  });

  test("of the right version is healthy", async () => {
    behaviours.set("s0", () => ({ status: 200, body: '{"status":"ready","api_version":"2"}' }));
    using pool = poolOf(1, { apiVersion: "2" });
    await clock.advance(0);
    expect(stateOf(pool)).toBe("up");
  });

  test("that says it drains counts at once", async () => {
    using pool = poolOf(1, { intervalMs: 1000 });
    await clock.advance(0);
    behaviours.set("s0", draining);
    asked = [];
    while (asked.length < 1) await clock.advance(50);
    expect(stateOf(pool)).toBe("down");
  });

  test("may carry the server's load, which is used if it is sane", async () => {
    const withLoad = (load: unknown) => () => ({
      status: 200,
      body: JSON.stringify({ status: "ready", load }),
    });
    behaviours.set("s0", withLoad({ cpu: 0.95, event_loop_delay_ms: 80, running_answers: 300 }));
    behaviours.set("s1", withLoad({ cpu: "high", event_loop_delay_ms: -1, running_answers: null }));
    using pool = poolOf(2, {}, { algorithm: "least_load" });
    await clock.advance(0);
    for (let at = 0; at < 20; at++) {
      using ticket = await pool.acquire();
      expect(ticket.server.id).toBe("s1");
    }
  });
});

describe("with live requests", () => {
  test("an ejected server is probed when its time is over, and no request has to try it", async () => {
    using pool = poolOf(2, { intervalMs: 30_000 });
    await clock.advance(0);
    take(pool, "s0").fail("unreachable");
    behaviours.set("s0", refusing);
    asked = [];
    await clock.advance(2300);
    expect(asked.filter(({ id }) => id === "s0")).toHaveLength(1);
    expect(stateOf(pool)).toBe("ejected");
    behaviours.set("s0", ready);
    await clock.advance(4500);
    expect(stateOf(pool)).toBe("up");
  });

  test("a server whose probes fail loses those who wait for it", async () => {
    using pool = poolOf(2, { intervalMs: 5000 });
    await clock.advance(0);
    const ticket = take(pool, "s0");
    let isLost = false;
    ticket.onServerLost = () => {
      isLost = true;
    };
    behaviours.set("s0", refusing);
    await clock.advance(15_000);
    expect([stateOf(pool), isLost]).toEqual(["down", true]);
    ticket.release();
  });

  test("a server that is back from being down starts slowly", async () => {
    behaviours.set("s0", refusing);
    using pool = poolOf(2, {}, { slowStartMs: 60_000 });
    await clock.advance(0);
    behaviours.set("s0", ready);
    await clock.advance(8000);
    const [back, other] = pool.snapshot().servers;
    expect(back!.state).toBe("up");
    expect(back!.currentWeight).toBeLessThan(0.2);
    expect(other!.currentWeight).toBe(1);
  });

  test("a server that joins gets nothing before its first good probe", async () => {
    using pool = poolOf(1);
    await clock.advance(0);
    behaviours.set("new", silent);
    pool.add({ id: "new", url: "http://new" });
    for (let at = 0; at < 20; at++) {
      using ticket = await pool.acquire();
      expect(ticket.server.id).toBe("s0");
    }
    await pool.remove("new");
    await settlePromises();
    expect(underWay).toBe(0);
  });
});
