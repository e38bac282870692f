import { afterAll, beforeAll, expect, test } from "bun:test";
import type {
  CacheClearedBody,
  CacheWarmedBody,
  ConversationBody,
  ConversationListBody,
  MessageListBody,
} from "@peregrine/protocol";
import { startTwoServers, type TwoServers } from "../testing/start-two-servers.ts";
import { allEvents, type TestServer, TestUser, textOf, until } from "../testing/test-server.ts";

let two: TwoServers;
let first: TestServer;
let second: TestServer;
let admin: TestUser;

beforeAll(async () => {
  two = await startTwoServers();
  ({ first, second } = two);
  admin = await TestUser.register(first);
});
afterAll(() => two.stop());

/** The statements that a request sends. */
async function statements(server: TestServer, request: () => Promise<unknown>): Promise<string[]> {
  server.queries.length = 0;
  await request();
  return server.queries
    .map((query) => query.name)
    .filter((name) => !/^(servers|cacheWitness|warming)\./.test(name));
}

test("what was read once is read again without a statement, and by the other server too", async () => {
  const { id } = await admin.newConversation({ title: "Cached" });
  await allEvents(await admin.ask(id, "{{tokens=3}}"));
  const there = admin.at(second);
  for (const path of [
    "/api/v1/me",
    "/api/v1/conversations",
    `/api/v1/conversations/${id}`,
    `/api/v1/conversations/${id}/messages`,
  ]) {
    const body = await (await admin.fetch(path)).text();
    expect([path, await statements(first, () => admin.fetch(path))]).toEqual([path, []]);
    expect([path, await statements(second, () => there.fetch(path))]).toEqual([path, []]);
    expect(await (await there.fetch(path)).text()).toBe(body);
  }
});

test("a hit has the tag of the load, and is a 304 where the client has it", async () => {
  const { id } = await admin.newConversation({ title: "Tagged" });
  const path = `/api/v1/conversations/${id}`;
  const tag = (await admin.fetch(path)).headers.get("etag") ?? "";
  const again = await admin.fetch(path, { headers: { "if-none-match": tag } });
  expect(again.status).toBe(304);
  await admin.fetch(path, { method: "PATCH", json: { title: "Changed" } });
  const changed = await admin.fetch(path, { headers: { "if-none-match": tag } });
  expect(changed.status).toBe(200);
  expect(changed.headers.get("etag")).not.toBe(tag);
});

test("a write that was acknowledged by one server is seen on the other at once", async () => {
  const there = admin.at(second);
  const { id } = await admin.newConversation({ title: "0" });
  for (let i = 1; i <= 40; i++) {
    const [writer, reader] = i % 2 ? [admin, there] : [there, admin];
    const path = `/api/v1/conversations/${id}`;
    await reader.json<ConversationBody>(path);
    await reader.json<ConversationListBody>("/api/v1/conversations");
    await writer.json(path, { method: "PATCH", json: { title: String(i) } });
    const { conversation } = await reader.json<ConversationBody>(path);
    expect(conversation.title).toBe(String(i));
    const { conversations } = await reader.json<ConversationListBody>("/api/v1/conversations");
    expect(conversations.find((other) => other.id === id)?.title).toBe(String(i));
  }
});

test("a finished answer, a deletion and a sign-out are seen on the other server at once", async () => {
  const bob = await TestUser.register(first);
  const there = bob.at(second);
  const { id } = await bob.newConversation({ title: "Seen" });
  const path = `/api/v1/conversations/${id}/messages`;
  await there.json<MessageListBody>(path);
  const text = textOf(await allEvents(await bob.ask(id, "{{tokens=5}}")));
  expect((await there.json<MessageListBody>(path)).messages[0]?.content).toBe(text);
  await there.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
  expect((await bob.fetch(path)).status).toBe(404);
  await bob.fetch("/api/v1/auth/logout", { method: "POST" });
  expect((await there.fetch("/api/v1/me")).status).toBe(401);
});

test("with Redis gone nothing fails and nothing is old; back again it is used", async () => {
  const there = admin.at(second);
  const { id } = await admin.newConversation({ title: "before" });
  const path = `/api/v1/conversations/${id}`;
  await there.json<ConversationBody>(path);
  await two.redis.kill();
  for (let i = 0; i < 10; i++) {
    await admin.json(path, { method: "PATCH", json: { title: `without ${i}` } });
    expect((await there.json<ConversationBody>(path)).conversation.title).toBe(`without ${i}`);
  }
  await two.redis.start();
  const closed = async () => {
    const stats = await admin.json<{ breaker: string }>("/api/v1/performance/cache");
    return stats.breaker === "closed";
  };
  await until(closed, "the breaker to close");
  for (const [server, user] of [
    [first, admin],
    [second, there],
  ] as const) {
    await until(async () => {
      await user.json<ConversationBody>(path);
      return (await statements(server, () => user.fetch(path))).length === 0;
    }, "the cache to be used again");
  }
});

test("administrators see, clear and warm; others get a 403 and no figure", async () => {
  const { id } = await admin.newConversation({ title: "Cleared" });
  const path = `/api/v1/conversations/${id}`;
  const clear = (query: string) =>
    admin.json<CacheClearedBody>(`/api/v1/performance/cache/clear${query}`, { method: "POST" });
  const isLoaded = async () =>
    (await statements(first, () => admin.fetch(path))).includes("conversations.get");

  for (const query of [
    "?cache_type=conversation",
    `?pattern=conversation:${admin.user.id}:*`,
    `?pattern=conv*:${id}`,
    "",
  ]) {
    // Not everything that is read is kept: a server that was just cut off keeps nothing for a while.
    await until(async () => !(await isLoaded()), "the cache to hold the conversation");
    const cleared = await clear(query);
    expect(cleared.done).toBe(true);
    expect(cleared.memory_entries + cleared.redis_entries).toBeGreaterThan(0);
    expect([query, await isLoaded()]).toEqual([query, true]);
  }

  await clear("");
  const { warmed } = await admin.json<CacheWarmedBody>("/api/v1/performance/cache/warm", {
    method: "POST",
  });
  expect(warmed.user_profile).toBeGreaterThan(0);
  expect(await isLoaded()).toBe(false);

  const user = await TestUser.register(first);
  for (const [method, route] of [
    ["GET", ""],
    ["POST", "/clear"],
    ["POST", "/warm"],
  ]) {
    const response = await user.fetch(`/api/v1/performance/cache${route}`, {
      method: method as string,
    });
    expect([route, response.status]).toEqual([route as string, 403]);
    expect(await response.text()).not.toContain("memory");
  }
});

test("what cannot be cleared or warmed is told so", async () => {
  const bad = (path: string) =>
    admin.error(`/api/v1/performance/cache/${path}`, { method: "POST" });
  expect(await bad("clear?cache_type=nothing")).toMatchObject({ status: 400, field: "cache_type" });
  expect(await bad("clear?pattern=*")).toMatchObject({ status: 400 });
  expect(await bad("clear?pattern=a:*&cache_type=session")).toMatchObject({ status: 400 });
  expect(await bad("warm?cache_type=session")).toMatchObject({ status: 400, field: "cache_type" });
});
