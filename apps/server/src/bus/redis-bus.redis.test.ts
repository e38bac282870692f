import { afterAll, expect, test } from "bun:test";
import { type RedisServer, startRedisServer } from "@peregrine/e2e/redis-server";
import { until } from "../testing/test-server.ts";
import type { Bus } from "./bus.ts";
import { redisBus } from "./redis-bus.ts";

let redis: RedisServer | undefined;
const buses: Bus[] = [];

afterAll(async () => {
  for (const bus of buses) await bus.close();
  await redis?.stop();
});

function openBus(name: string, server: RedisServer): Bus {
  const bus = redisBus({ kind: "single", url: server.url }, name, () => {});
  buses.push(bus);
  return bus;
}

test("who begins while Redis is away hears the others when it is there, and again after it was gone", async () => {
  redis = await startRedisServer();
  await redis.kill();
  const [speaker, listener] = [openBus("speaker", redis), openBus("listener", redis)];
  const heard: unknown[] = [];
  const stop = await listener.subscribe("news", (message) => heard.push(message));
  for (const word of ["first", "second"]) {
    await redis.start();
    await until(
      () => {
        speaker.publish("news", word);
        return heard.includes(word);
      },
      word,
      25_000,
    );
    await redis.kill();
  }
  await redis.start();
  stop();
  heard.length = 0;
  const done = Promise.withResolvers<void>();
  await listener.subscribe("other news", () => done.resolve());
  const saying = setInterval(() => {
    speaker.publish("news", "third");
    speaker.publish("other news", "third");
  }, 10);
  await done.promise;
  clearInterval(saying);
  expect(heard).toEqual([]);
}, 60_000);
