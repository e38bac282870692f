import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { type RedisServer, startRedisServer } from "@peregrine/e2e/redis-server";
import { RedisClient } from "bun";
import { ModelError } from "../../../models/model-error.ts";
import {
  askOf,
  type Call,
  HandModel,
  MapCache,
  type Reading,
  read,
  settle,
  silent,
} from "../../../testing/hand-model.ts";
import { until } from "../../../testing/test-server.ts";
import { FrameClock } from "../../frame-clock.ts";
import { SharedAnswers } from "../shared-answers.ts";
import { RedisRelay } from "./redis-relay.ts";

let redis: RedisServer;
let client: RedisClient;
let servers: Server[] = [];
let readings: Reading[] = [];

/** What one server process has of sharing. */
class Server {
  readonly model = new HandModel();
  readonly cache = new MapCache();
  readonly relay = new RedisRelay({
    target: { kind: "single", url: redis.url },
    clock: new FrameClock(),
    log: silent,
  });
  readonly #shared = new SharedAnswers({
    model: this.model,
    cache: this.cache,
    relay: this.relay,
    log: silent,
  });

  constructor() {
    servers.push(this);
  }

  read(owner = "ada"): Reading {
    const reading = read(this.#shared, askOf(owner));
    readings.push(reading);
    return reading;
  }

  /** Asks, and gives what the model is asked. */
  async lead(owner = "ada"): Promise<{ reading: Reading; call: Call }> {
    const before = this.model.calls.length;
    const reading = this.read(owner);
    await until(() => this.model.calls.length > before, "the model to be asked");
    return { reading, call: this.model.last() };
  }
}

async function connected(count: number): Promise<Server[]> {
  const group = Array.from({ length: count }, () => new Server());
  for (const [i, server] of group.entries()) {
    await until(async () => {
      const key = `probe-${i}-${Math.random()}`;
      const { reading } = await server.lead(key);
      const isShared = (await keys(`*lease*${key}`)).length === 1;
      reading.leave();
      await reading.done;
      return isShared;
    }, "Redis to be used");
    server.model.calls.length = 0;
  }
  return group;
}

const keys = (pattern: string) => client.send("KEYS", [pattern]) as Promise<string[]>;
const has = (reading: Reading, text: string) =>
  until(() => reading.reader.text === text, `a reader to have ${JSON.stringify(text)}`);

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  client = new RedisClient(redis.url);
  await client.connect();
  await client.send("FLUSHALL", []);
});
afterEach(async () => {
  for (const reading of readings) reading.leave();
  await Promise.all(readings.map(({ done }) => done));
  await Promise.all(servers.map(({ relay }) => relay.close()));
  servers = [];
  readings = [];
  client.close();
});

test("the same request on three servers is one request to a model", async () => {
  const [a, b, c] = (await connected(3)) as [Server, Server, Server];
  const { reading: first, call } = await a.lead();
  call.say("one ", "two ");
  const second = b.read();
  await has(second, "one two ");
  call.say("three ");
  const third = c.read();
  await has(third, "one two three ");
  call.say("😀");
  call.end();
  for (const { reader, done } of [first, second, third]) {
    expect(await done).toBe("done");
    expect(reader.text).toBe("one two three 😀");
    expect(reader.events.slice(-2)).toEqual([
      { type: "usage", promptTokens: 7, completionTokens: 3 },
      { type: "end", finishReason: "stop" },
    ]);
  }
  expect([a, b, c].map(({ model }) => model.calls.length)).toEqual([1, 0, 0]);
  await settle();
  for (const { cache } of [a, b, c]) {
    expect([...cache.entries.values()].map(({ text }) => text)).toEqual(["one two three 😀"]);
  }
  // Neither the lease nor the text outlives its use for long.
  await until(async () => (await keys("*lease*")).length === 0);
  for (const key of await keys("*")) {
    expect(Number(await client.send("PTTL", [key]))).toBeGreaterThan(0);
  }
});

test("another owner's request is not answered with it; the owner is in the name of every key", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { call } = await a.lead("ada");
  call.say("for ada");
  const follower = b.read("ada");
  await has(follower, "for ada");
  const { reading: eve, call: hers } = await b.lead("eve");
  hers.say("for eve");
  await has(eve, "for eve");
  const names = await keys("*");
  expect(names.filter((name) => name.includes(":ada")).length).toBeGreaterThanOrEqual(3);
  // And all begin alike: in a cluster they have to live on one node.
  for (const name of names) expect(name).toMatch(/^peregrine:\{answers\}:1:(inbox|.*:(ada|eve))/);
  for (const name of names.filter((other) => other.includes(":events:"))) {
    expect(name).toContain(":ada");
    const entries = JSON.stringify(await client.send("XRANGE", [name, "-", "+"]));
    expect(entries).not.toContain("for eve");
  }
});

test("while nobody else reads, no text is written to Redis", async () => {
  const [a] = (await connected(1)) as [Server];
  const { reading, call } = await a.lead();
  for (let i = 0; i < 50; i++) call.say(`word${i} `);
  call.end();
  await reading.done;
  expect(await keys("*events*")).toEqual([]);
});

/** The median of nine tries: a machine that does other work holds some of them up. */
async function usualMs(attempt: (owner: string) => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 9; i++) times.push(await attempt(`owner-${i}`));
  return times.sort((x, y) => x - y)[4] as number;
}

async function msUntil(condition: () => unknown, what: string): Promise<number> {
  const startedMs = performance.now();
  await until(condition, what);
  return performance.now() - startedMs;
}

test("one who joins another server's answer has its text within milliseconds", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const tookMs = await usualMs(async (owner) => {
    const { call } = await a.lead(owner);
    call.say("so far");
    const { reader } = b.read(owner);
    return msUntil(() => reader.text === "so far", "the text");
  });
  expect(tookMs).toBeLessThan(150);
});

test("one who joins in the moment of the end still gets the whole", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  for (let i = 0; i < 30; i++) {
    const owner = `owner-${i}`;
    const { call } = await a.lead(owner);
    call.say("all of it");
    const late = b.read(owner);
    if (i % 3 > 0) await Bun.sleep((i % 3) - 0.5);
    call.end();
    // It may have come too late to follow, and then asks itself.
    await until(() => late.reader.text !== "" || b.model.calls.length > 0);
    for (const asked of b.model.calls.splice(0)) {
      asked.say("all of it");
      asked.end();
    }
    expect(await late.done).toBe("done");
    expect(late.reader.text).toBe("all of it");
  }
});

test("a failure of the model is told on every server, after what came, and not kept", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { reading, call } = await a.lead();
  call.say("begun");
  const follower = b.read();
  await has(follower, "begun");
  call.say(new ModelError("model_rate_limited", "Try later.", { retryable: false }));
  for (const { reader, done } of [reading, follower]) {
    const error = await done;
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({
      code: "model_rate_limited",
      message: "Try later.",
      retryable: false,
    });
    expect(reader.text).toBe("begun");
  }
  const { call: again } = await b.lead();
  again.say("now");
  again.end();
  await until(() => b.cache.entries.size === 1);
});

test("the leader writes on for readers elsewhere, and stops when the last of them leaves", async () => {
  const [a, b, c] = (await connected(3)) as [Server, Server, Server];
  const { reading, call } = await a.lead();
  call.say("a");
  const [second, third] = [b.read(), c.read()];
  await has(second, "a");
  await has(third, "a");
  reading.leave();
  second.leave();
  await Promise.all([reading.done, second.done]);
  call.say("b");
  await has(third, "ab");
  expect(call.signal.aborted).toBe(false);
  third.leave();
  await until(() => call.signal.aborted, "the model to be left");
  // The same request now begins anew, wherever it comes from.
  const { call: anew } = await b.lead();
  expect(anew).not.toBe(call);
});

test("a leader that has nobody left, here or elsewhere, leaves its model within milliseconds", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const aloneMs = await usualMs(async (owner) => {
    const { reading, call } = await a.lead(owner);
    reading.leave();
    return msUntil(() => call.signal.aborted, "the model to be left");
  });
  expect(aloneMs).toBeLessThan(150);
  const elsewhereMs = await usualMs(async (owner) => {
    const { reading, call } = await a.lead(owner);
    call.say("a");
    const follower = b.read(owner);
    await has(follower, "a");
    reading.leave();
    await reading.done;
    follower.leave();
    return msUntil(() => call.signal.aborted, "the model to be left");
  });
  expect(elsewhereMs).toBeLessThan(150);
  await until(async () => (await keys("*lease*")).length === 0, "the leases to be gone");
});

test("somebody comes back to the leader while the last reader leaves it", async () => {
  const [a] = (await connected(1)) as [Server];
  const { reading, call } = await a.lead();
  call.say("a");
  reading.leave();
  await reading.done;
  const back = a.read(); // Redis has not said yet whether anybody else reads
  await has(back, "a");
  await Bun.sleep(50);
  expect(call.signal.aborted).toBe(false);
  call.end();
  expect(await back.done).toBe("done");
  expect(a.model.calls).toHaveLength(1);
});

test("a server that stops hands its answers over at once; readers go on where they were", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { reading, call } = await a.lead();
  call.say("one ", "two ");
  const follower = b.read();
  await has(follower, "one two ");
  reading.leave();
  await reading.done;
  const closedMs = performance.now();
  await a.relay.close();
  expect(call.signal.aborted).toBe(true);
  await until(() => b.model.calls.length === 1, "the other server to ask");
  // It would take a second and a half for the lease to run out.
  expect(performance.now() - closedMs).toBeLessThan(1_200);
  b.model.last().say("one two three");
  b.model.last().end();
  expect(await follower.done).toBe("done");
  expect(follower.reader.text).toBe("one two three");
});

/** As after the death of a leader: its lease has run out. */
async function endLease(): Promise<void> {
  await client.send("DEL", await keys("*lease*"));
}

test("of those who lose their leader one asks again, and all go on where they were", async () => {
  const [a, b, c] = (await connected(3)) as [Server, Server, Server];
  const { reading, call } = await a.lead();
  call.say("one ", "two ");
  const followers = [b.read(), b.read(), c.read()];
  for (const follower of followers) await has(follower, "one two ");
  await endLease();
  await until(() => b.model.calls.length + c.model.calls.length === 1);
  const next = [...b.model.calls, ...c.model.calls][0] as Call;
  next.say("one", " two thr");
  for (const follower of followers) await has(follower, "one two thr");
  // The old leader is alive, and still answers those on its own server.
  call.say("three");
  next.say("ee");
  next.end();
  call.end();
  for (const { reader, done } of [reading, ...followers]) {
    expect(await done).toBe("done");
    expect(reader.text).toBe("one two three");
  }
  expect(b.model.calls.length + c.model.calls.length).toBe(1);
});

test("where the new answer differs, who has a part keeps it as interrupted; others get the whole", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { call } = await a.lead();
  call.say("one ", "two ");
  const follower = b.read();
  await has(follower, "one two ");
  await endLease();
  await until(() => b.model.calls.length === 1);
  const newcomer = b.read();
  b.model.last().say("one ");
  await has(newcomer, "one ");
  b.model.last().say("three");
  expect(await follower.done).toMatchObject({ code: "model_interrupted" });
  expect(follower.reader.text).toBe("one two ");
  b.model.last().end();
  expect(await newcomer.done).toBe("done");
  expect(newcomer.reader.text).toBe("one three");
});

test("with Redis gone leaders go on, followers and newcomers ask themselves", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { reading, call } = await a.lead();
  call.say("one ");
  const follower = b.read();
  await has(follower, "one ");
  await redis.kill();
  try {
    await until(() => b.model.calls.length === 1, "the follower's server to ask");
    b.model.last().say("one two");
    b.model.last().end();
    expect(await follower.done).toBe("done");
    expect(follower.reader.text).toBe("one two");
    const { reading: eve, call: hers } = await b.lead("eve");
    const joined = b.read("eve");
    hers.say("x");
    await has(joined, "x");
    hers.end();
    expect([await eve.done, await joined.done]).toEqual(["done", "done"]);
    call.say("two");
    call.end();
    expect(await reading.done).toBe("done");
    const { reading: alone, call: left } = await a.lead("kay");
    alone.leave();
    await until(() => left.signal.aborted, "the model to be left");
  } finally {
    await redis.start();
  }
  await client.connect();
  await until(async () => {
    const owner = `back-${Math.random()}`;
    await a.lead(owner);
    const before = b.model.calls.length;
    b.read(owner);
    await Bun.sleep(50);
    return b.model.calls.length === before;
  }, "answers to be shared again");
});

test("a Redis that says nothing costs the first a quarter of a second, and the next nothing", async () => {
  const [a] = (await connected(1)) as [Server];
  redis.freeze();
  try {
    const ask = async (owner: string) => {
      const startedMs = performance.now();
      const { call } = await a.lead(owner);
      call.end();
      return performance.now() - startedMs;
    };
    expect(await ask("first")).toBeWithin(240, 5_000);
    expect(await usualMs(ask)).toBeLessThan(150);
  } finally {
    redis.thaw();
  }
});

test("a Redis that holds something else under our keys is done without", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { call } = await a.lead();
  const [lease] = await keys("*lease*");
  call.say("x");
  const follower = b.read();
  await has(follower, "x");
  const [events] = await keys("*events*");
  await client.send("DEL", [lease as string]);
  await client.send("LPUSH", [lease as string, "something"]);
  await client.send("XADD", [events as string, "*", "e", '{"at":"from the future"}']);
  await until(() => b.model.calls.length === 1, "the follower's server to ask");
  b.model.last().say("xyz");
  b.model.last().end();
  expect(await follower.done).toBe("done");
  expect(follower.reader.text).toBe("xyz");
});

test("a leader whose text cannot be read is done without", async () => {
  const [a, b] = (await connected(2)) as [Server, Server];
  const { call } = await a.lead();
  call.say("x");
  const follower = b.read();
  await has(follower, "x");
  const [events] = await keys("*events*");
  await client.send("XADD", [events as string, "*", "e", '{"at":7,"text":"a gap before it"}']);
  await until(() => b.model.calls.length === 1, "the follower's server to ask");
  b.model.last().say("xyz");
  b.model.last().end();
  expect(await follower.done).toBe("done");
  expect(follower.reader.text).toBe("xyz");
});

test("a long answer leaves a bounded stream in Redis, which late readers get whole", async () => {
  const [a, b, c] = (await connected(3)) as [Server, Server, Server];
  const { reading, call } = await a.lead();
  call.say("0");
  const follower = b.read();
  await has(follower, "0");
  const [events] = await keys("*events*");
  let text = "0";
  for (let i = 1; i <= 300; i++) {
    call.say(` ${i}`);
    text += ` ${i}`;
    await Bun.sleep(1);
  }
  await has(follower, text);
  const length = Number(await client.send("XLEN", [events as string]));
  expect(length).toBeLessThan(100);
  const late = c.read();
  await has(late, text);
  call.end();
  for (const { done } of [reading, follower, late]) expect(await done).toBe("done");
});
