import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { AttemptFailure, type FailureKind, Pool, Sender, type SenderOptions } from "./index.ts";
import { seededRandom } from "./testing/seeded-random.ts";
import { settlePromises, VirtualClock } from "./testing/virtual-clock.ts";

/** What a server does with a request: fails, throws, answers after a while, or never answers. */
type Behaviour = FailureKind | Error | number | "silent";

let clock: VirtualClock;
let pool: Pool;
let behaviours: Record<string, Behaviour>;
let reached: string[];
let aborted: string[];
let told: string[];

beforeEach(() => {
  clock = new VirtualClock();
  pool = new Pool({
    servers: ["a", "b", "c"].map((id) => ({ id, url: `http://${id}` })),
    algorithm: "round_robin",
    random: seededRandom(1),
    clock,
  });
  behaviours = {};
  reached = [];
  aborted = [];
  told = [];
});

afterEach(() => {
  const { servers, waiting } = pool.snapshot();
  expect(servers.map(({ inFlight }) => inFlight)).toEqual(servers.map(() => 0));
  expect(waiting).toEqual({ interactive: 0, background: 0 });
  pool.close();
  expect(clock.pending).toBe(0);
});

function senderOf(options: SenderOptions = {}): Sender {
  return new Sender(pool, {
    clock,
    events: {
      onRetry: (from, kind) => told.push(`retry ${from.id} ${kind}`),
      onHedge: (from) => told.push(`hedge ${from.id}`),
      onBudgetSpent: () => told.push("budget spent"),
    },
    ...options,
  });
}

interface Sending {
  readonly repeatable?: boolean;
  readonly hedgeAfterMs?: number;
  readonly signal?: AbortSignal;
  readonly discard?: (answer: string) => void;
}

/** Sends a request and ends its ticket; gives the server that answered. */
async function send(sender: Sender, { repeatable = true, ...options }: Sending = {}) {
  const { ticket, answer } = await sender.send<string>({
    ...options,
    repeatable,
    attempt: ({ server: { id } }, signal) => {
      reached.push(id);
      const behaviour = behaviours[id] ?? 0;
      if (behaviour instanceof Error) throw behaviour;
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted.push(id);
          reject(signal.reason);
        });
        if (typeof behaviour === "number") {
          clock.after(behaviour, () => resolve(`answer of ${id}`));
        } else if (behaviour !== "silent") {
          reject(new AttemptFailure(behaviour, `${id} failed`));
        }
      });
    },
  });
  ticket.succeed();
  return answer;
}

function outcome(promise: Promise<string>): Promise<string> {
  return promise.catch((error: unknown) => `failed: ${(error as Error).message}`);
}

describe("a failed try", () => {
  test.each(["reset", "timeout", "status", "protocol"] as const)(
    "by %s is repeated elsewhere only if the request may be repeated",
    async (kind) => {
      behaviours = { b: kind };
      const sender = senderOf();
      const read = outcome(send(sender));
      await clock.advance(1);
      expect(await read).toBe("answer of c");
      expect(reached).toEqual(["b", "c"]);
      expect(told).toEqual([`retry b ${kind}`]);

      reached = [];
      behaviours = { a: kind };
      expect(await outcome(send(sender, { repeatable: false }))).toBe("failed: a failed");
      expect(reached).toEqual(["a"]);
    },
  );

  test.each(["unreachable", "rate_limited"] as const)(
    "by %s was not acted upon, so that a write goes elsewhere too",
    async (kind) => {
      behaviours = { b: kind };
      const write = outcome(send(senderOf(), { repeatable: false }));
      await clock.advance(1);
      expect(await write).toMatch(/^answer of [ac]$/);
    },
  );

  test("that says nothing of the server is not repeated and blames nobody", async () => {
    behaviours = { b: new TypeError("a bug of ours") };
    for (let at = 0; at < 9; at++) {
      const sent = outcome(send(senderOf()));
      await clock.advance(1);
      const answer = await sent;
      if (reached.at(-1) === "b") expect(answer).toBe("failed: a bug of ours");
    }
    expect(told).toEqual([]);
    expect(pool.snapshot().servers.every(({ state }) => state === "up")).toBe(true);
  });

  test("ends with what failed last, when all tries are used up or no server is left", async () => {
    behaviours = { a: "status", b: "status", c: "status" };
    expect(await outcome(send(senderOf()))).toBe("failed: a failed");
    expect(reached).toEqual(["b", "c", "a"]);
    behaviours = { a: "unreachable", b: "unreachable", c: "unreachable" };
    expect(await outcome(send(senderOf()))).toMatch(/^failed: . failed$/);
    expect(await outcome(send(senderOf()))).toContain("None of 3 servers can take a request");
  });

  test("goes back to the only server when there is no other", async () => {
    await pool.remove("a");
    await pool.remove("c");
    behaviours = { b: "reset" };
    const sent = outcome(send(senderOf()));
    await settlePromises();
    expect(await sent).toBe("failed: b failed");
    expect(reached).toEqual(["b", "b", "b"]);
  });
});

test("when everything fails, second tries stay within the budget", async () => {
  behaviours = { a: "status", b: "status", c: "status" };
  pool.close();
  pool = new Pool({
    servers: ["a", "b", "c"].map((id) => ({ id, url: `http://${id}` })),
    ejection: { maxFraction: 0 },
    clock,
  });
  const sender = senderOf({ budget: { perSecond: 0 } });
  for (let at = 0; at < 1000; at++) await outcome(send(sender));
  expect(reached.length).toBeLessThanOrEqual(1000 + 10 + 100);
  expect(reached.length).toBeGreaterThan(1000 + 100);
  expect(told).toContain("budget spent");
});

test("what never reached a server goes elsewhere, however many there are", async () => {
  behaviours = { a: "unreachable" };
  const sender = senderOf({ budget: { reserve: 0, ratio: 0, perSecond: 0 } });
  const sent = Promise.all(
    Array.from({ length: 90 }, () => outcome(send(sender, { repeatable: false }))),
  );
  await settlePromises();
  await clock.advance(1);
  for (const answer of await sent) expect(answer).toMatch(/^answer of [bc]$/);
  expect(told.filter((what) => what === "retry a unreachable")).toHaveLength(30);
});

test("a request goes elsewhere as soon as its server is found ill by others", async () => {
  behaviours = { b: "silent" };
  const read = outcome(send(senderOf()));
  const write = pool.tryAcquire({ exclude: ["a", "c"] });
  await settlePromises();
  expect(reached).toEqual(["b"]);
  write?.fail("unreachable");
  await clock.advance(1);
  expect(await read).toMatch(/^answer of [ac]$/);
  expect(aborted).toEqual(["b"]);
  expect(told).toEqual(["retry b lost"]);
});

test("a write is never sent twice, even when its server is found ill", async () => {
  behaviours = { b: 500 };
  const write = outcome(send(senderOf(), { repeatable: false, hedgeAfterMs: 10 }));
  const other = pool.tryAcquire({ exclude: ["a", "c"] });
  await clock.advance(100);
  other?.fail("unreachable");
  await clock.advance(400);
  expect(await write).toBe("answer of b");
  expect(reached).toEqual(["b"]);
});

describe("hedging", () => {
  test("asks a second server when the first is late; the first answer wins, the other is stopped", async () => {
    behaviours = { b: 1000, c: 20 };
    const sent = outcome(send(senderOf(), { hedgeAfterMs: 50 }));
    await clock.advance(49);
    expect(reached).toEqual(["b"]);
    await clock.advance(21);
    expect(await sent).toBe("answer of c");
    expect(aborted).toEqual(["b"]);
    expect(told).toEqual(["hedge b"]);
    expect(pool.snapshot().servers.find(({ id }) => id === "b")!.latencyMs).toBeGreaterThan(60);
    await clock.advance(1000);
  });

  test("does nothing when the answer is in time, or the budget is used up", async () => {
    behaviours = { b: 40 };
    const quick = outcome(send(senderOf(), { hedgeAfterMs: 50 }));
    await clock.advance(60);
    expect([await quick, reached]).toEqual(["answer of b", ["b"]]);
    behaviours = { c: 400 };
    const poor = senderOf({ budget: { reserve: 0, ratio: 0, perSecond: 0 } });
    const slow = outcome(send(poor, { hedgeAfterMs: 50 }));
    await clock.advance(400);
    expect([await slow, reached]).toEqual(["answer of c", ["b", "c"]]);
    expect(told).toEqual(["budget spent"]);
  });

  test("outlives the failure of either try", async () => {
    behaviours = { b: 500, c: "reset" };
    const sent = outcome(send(senderOf(), { hedgeAfterMs: 50 }));
    await clock.advance(500);
    expect(await sent).toBe("answer of b");
    expect(reached).toEqual(["b", "c"]);
  });

  test("frees an answer that comes although it was stopped", async () => {
    const discarded: string[] = [];
    const { ticket, answer } = await (async () => {
      const sent = senderOf().send<string>({
        repeatable: true,
        hedgeAfterMs: 50,
        discard: (late) => discarded.push(late),
        attempt: ({ server: { id } }) =>
          new Promise((resolve) => clock.after(id === "b" ? 200 : 20, () => resolve(id))),
      });
      await clock.advance(100);
      return sent;
    })();
    expect(answer).toBe("c");
    ticket.succeed();
    await clock.advance(200);
    expect(discarded).toEqual(["b"]);
  });
});

describe("a client that leaves", () => {
  test("stops every try at once and blames no server", async () => {
    behaviours = { b: "silent", c: "silent" };
    const client = new AbortController();
    const sent = outcome(send(senderOf(), { hedgeAfterMs: 50, signal: client.signal }));
    await clock.advance(60);
    client.abort(new Error("the client has left"));
    expect(await sent).toBe("failed: the client has left");
    expect(aborted).toEqual(["b", "c"]);
    expect(pool.snapshot().servers.every(({ state }) => state === "up")).toBe(true);
  });

  test("leaves the line as well", async () => {
    pool.apply(["a"].map((id) => ({ id, url: `http://${id}`, maxInFlight: 1 })));
    const held = pool.tryAcquire();
    const client = new AbortController();
    const sent = outcome(send(senderOf(), { signal: client.signal }));
    await settlePromises();
    client.abort(new Error("the client has left"));
    expect(await sent).toBe("failed: the client has left");
    held?.succeed();
    expect(reached).toEqual([]);
  });
});
