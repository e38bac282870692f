import { afterAll, beforeAll, expect, test } from "bun:test";
import { type RedisServer, startRedisServer } from "@peregrine/e2e/redis-server";
import { RedisClient } from "bun";
import fc from "fast-check";
import type { Model, ModelEvent, ModelRequest } from "../../../models/model.ts";
import { askOf, MapCache, read, silent } from "../../../testing/hand-model.ts";
import { until } from "../../../testing/test-server.ts";
import { FrameClock } from "../../frame-clock.ts";
import { SharedAnswers } from "../shared-answers.ts";
import { RedisRelay } from "./redis-relay.ts";

const serverCount = 3;
const words = Array.from({ length: 40 }, (_, i) => `${i}😀 `);
const whole = words.join("");

/** Says the same always, a word each millisecond. */
class PacedModel implements Model {
  calls = 0;
  open = 0;

  async *stream(_request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    this.calls++;
    this.open++;
    try {
      for (const text of words) {
        await Bun.sleep(1);
        signal.throwIfAborted();
        yield { type: "delta", text };
      }
      yield { type: "end", finishReason: "stop" };
    } finally {
      this.open--;
    }
  }
}

let redis: RedisServer;
let client: RedisClient;
let relays: RedisRelay[];

beforeAll(async () => {
  redis = await startRedisServer();
  client = new RedisClient(redis.url);
  const target = { kind: "single" as const, url: redis.url };
  relays = Array.from(
    { length: serverCount },
    () => new RedisRelay({ target, clock: new FrameClock(), log: silent }),
  );
});
afterAll(async () => {
  await Promise.all(relays.map((relay) => relay.close()));
  client.close();
  await redis.stop();
});

const afterMs = fc.integer({ min: 0, max: 60 });
const visit = fc.record({
  server: fc.nat(serverCount - 1),
  joinMs: afterMs,
  staysMs: fc.option(afterMs, { nil: undefined }),
});
/** When leaders lose their lease, as after their death or a restart of Redis. */
const losses = fc.array(afterMs, { maxLength: 2 });

let runs = 0;

type Visit = { server: number; joinMs: number; staysMs: number | undefined };

/**
 * Plays the visits, and gives what each reader had in the end, and how often the model was asked.
 *
 * @param first who has asked the model before the others come
 */
async function play(visits: Visit[], lossesMs: number[], first?: Visit) {
  const owner = `owner-${runs++}`;
  const model = new PacedModel();
  const servers = relays.map(
    (relay) => new SharedAnswers({ model, cache: new MapCache(), relay, log: silent }),
  );
  const begin = async ({ server, joinMs, staysMs }: Visit) => {
    await Bun.sleep(joinMs);
    const { reader, done, leave } = read(servers[server] as SharedAnswers, askOf(owner));
    if (staysMs !== undefined) {
      await Bun.sleep(staysMs);
      leave();
    }
    const how = await done;
    return { text: reader.text, isWhole: how === "done", stays: staysMs === undefined };
  };
  const readers = first ? [begin(first)] : [];
  if (first) await until(() => model.calls === 1, "the model to be asked");
  readers.push(...visits.map(begin));
  const faults = lossesMs.map(async (atMs) => {
    await Bun.sleep(atMs);
    const leases = (await client.send("KEYS", [`*lease*:${owner}`])) as string[];
    if (leases.length > 0) await client.send("DEL", leases);
  });
  const everyone = await Promise.all(readers);
  await Promise.all(faults);
  await until(() => model.open === 0, "the model to be left");
  return { readers: everyone, calls: model.calls };
}

test("whoever stays gets the whole answer, and nobody a wrong one, whoever leads, leaves or dies", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(visit, { minLength: 1, maxLength: 8 }),
      losses,
      async (visits, lossesMs) => {
        const { readers } = await play(visits, lossesMs);
        for (const { text, isWhole, stays } of readers) {
          expect(whole.startsWith(text)).toBe(true);
          if (isWhole) expect(text).toBe(whole);
          if (stays) expect([text, isWhole]).toEqual([whole, true]);
        }
      },
    ),
    { numRuns: 30 },
  );
}, 60_000);

test("while one reader stays and no leader is lost, the model is asked once", async () => {
  const early = fc.record({
    server: fc.nat(serverCount - 1),
    joinMs: fc.integer({ min: 0, max: 25 }),
    staysMs: fc.option(afterMs, { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(early, { maxLength: 8 }), fc.nat(2), async (visits, server) => {
      const stays = { server, joinMs: 0, staysMs: undefined };
      const { calls } = await play(visits, [], stays);
      expect(calls).toBe(1);
    }),
    { numRuns: 20 },
  );
}, 60_000);
