import { afterAll, beforeAll, expect, test } from "bun:test";
import { type RedisServer, startRedisServer } from "@peregrine/e2e/redis-server";
import type { SocketEvent } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

/** Servers look after each other every 5 s. */
const withinMs = 25_000;
let redis: RedisServer;
let first: TestServer;
let second: TestServer;
let ada: TestUser;

beforeAll(async () => {
  redis = await startRedisServer();
  first = await startTestServer({ REDIS_URL: redis.url });
  second = await startTestServer({ REDIS_URL: redis.url, DATABASE_URL: first.databaseUrl });
  ada = await TestUser.register(first);
}, 30_000);
afterAll(async () => {
  await second.stop();
  await first.stop();
  await redis.stop();
});

/** Opens a tab at a server. @returns what it is told */
async function openTab(server: TestServer): Promise<SocketEvent[]> {
  const url = `${server.url.replace("http", "ws")}/api/v1/socket`;
  // Bun's sockets take headers, which the types of a browser's do not know.
  const headers = { cookie: ada.cookie };
  const socket = new WebSocket(url, { headers } as unknown as string[]);
  const events: SocketEvent[] = [];
  socket.onmessage = ({ data }) => events.push(JSON.parse(data));
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  return events;
}

const isMissed = ({ type }: SocketEvent) => type === "missed";

/** Makes conversations at the first server until a tab at the second is told of one. */
async function untilInTouch(events: SocketEvent[]): Promise<void> {
  await until(async () => {
    await ada.newConversation();
    return events.some(({ type }) => type === "conversation.created");
  }, "an event");
}

test("an answer whose server died is told to be interrupted on every server", async () => {
  const tabs = await Promise.all([openTab(first), openTab(second)]);
  const { id } = await ada.newConversation({ title: "Long" });
  const leave = new AbortController();
  const response = await ada.ask(id, "{{tokens=5000 rate=50}}", leave.signal);
  await response.body?.getReader().read();
  // As it is in the database when the server that writes it is no more.
  const sql = new SQL({ url: first.databaseUrl, max: 1 });
  await sql`update messages set server_id = gen_random_uuid() where status = 'running'`;
  await sql.close();
  for (const events of tabs) {
    const isTold = (event: SocketEvent) =>
      event.type === "message.updated" &&
      event.message.conversationId === id &&
      event.message.status === "interrupted";
    await until(() => events.some(isTold), "the end of the answer", withinMs);
  }
  await ada.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
}, 60_000);

test("what Redis lost is told to have been missed, and nothing is as long as it loses nothing", async () => {
  const events = await openTab(second);
  await untilInTouch(events);
  expect(events.some(isMissed)).toBe(false);
  await redis.kill();
  const { id } = await ada.newConversation({ title: "Unheard" });
  await redis.start();
  await until(() => events.some(isMissed), "the notice", withinMs);
  const isAbout = (event: SocketEvent) =>
    event.type === "conversation.created" && event.conversation.id === id;
  expect(events.some(isAbout)).toBe(false);
  events.length = 0;
  await untilInTouch(events);
}, 60_000);
