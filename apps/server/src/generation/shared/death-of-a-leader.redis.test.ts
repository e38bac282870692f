import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase } from "@peregrine/database/testing";
import { type ModelServer, startModelServer } from "@peregrine/e2e/model-server";
import { type RedisServer, startRedisServer } from "@peregrine/e2e/redis-server";
import { type ServerProcess, startServerProcess } from "@peregrine/e2e/server-process";
import type { MessageListBody } from "@peregrine/protocol";
import { allEvents, eventsOf, TestUser, textOf, until } from "../../testing/test-server.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let redis: RedisServer;
let models: ModelServer;
let leader: ServerProcess;
let follower: ServerProcess;
let ada: TestUser;

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), startRedisServer()]);
  models = startModelServer();
  const settings = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    MODEL_SERVERS: models.url,
    METRICS_PORT: "0",
  };
  leader = await startServerProcess(settings);
  follower = await startServerProcess(settings);
  ada = await TestUser.register(leader);
}, 60_000);
afterAll(async () => {
  await Promise.all([leader.remove(), follower.remove()]);
  models.stop();
  await redis.stop();
  await database.drop();
});

const conversation = () => ada.newConversation({ title: "Shared", cacheAnswers: true });

/** Asks both servers the same, and kills the one that leads once the other has some of it. */
async function killTheLeader(question: string) {
  const [here, there] = [await conversation(), await conversation()];
  const before = models.requests.length;
  const first = eventsOf(await ada.ask(here.id, question));
  await first.next();
  await first.next();
  const user = ada.at(follower);
  const second = eventsOf(await user.ask(there.id, question));
  let seen = "";
  while (seen.length < 100) {
    const { value } = await second.next();
    if (value?.event.type === "delta") seen += value.event.text;
  }
  expect(models.requests.length).toBe(before + 1);
  await leader.kill();
  await until(() => models.requests.length === before + 2, "the follower to ask");
  const rest = await Array.fromAsync(second);
  await first.return(undefined).catch(() => {});
  await leader.start();
  const path = `/api/v1/conversations/${there.id}/messages`;
  const { messages } = await user.json<MessageListBody>(path);
  return { seen, rest, answer: messages[0] };
}

test("when the leader is killed its follower asks again, and its reader sees one whole answer", async () => {
  const { seen, rest, answer } = await killTheLeader("killed {{tokens=200 rate=80}}");
  const text = seen + textOf(rest);
  expect(rest.at(-1)?.event).toEqual({ type: "done", status: "complete" });
  expect(text).toBe(textOf(await allEvents(await alone("killed {{tokens=200 rate=80}}"))));
  expect(answer).toMatchObject({ status: "complete", content: text });
}, 60_000);

test("where the second answer differs, the reader keeps what it has, as interrupted", async () => {
  models.next(
    { text: "The first answer goes like this, and on. ".repeat(50), rate: 80 },
    { text: "The first words of another answer. ".repeat(50), rate: 0 },
  );
  const { seen, rest, answer } = await killTheLeader("differs");
  expect(rest.at(-1)?.event).toMatchObject({ type: "error", code: "model_interrupted" });
  const text = seen + textOf(rest);
  expect(text.length).toBeGreaterThanOrEqual(100);
  expect("The first answer goes like this, and on. ".repeat(50)).toStartWith(text);
  expect(answer).toMatchObject({ status: "interrupted", content: text });
}, 60_000);

/** The same answer of the model, from a conversation that shares none. */
async function alone(question: string): Promise<Response> {
  const { id } = await ada.newConversation({ title: "Alone" });
  return ada.at(follower).ask(id, question.replace("rate=80", "rate=0"));
}
