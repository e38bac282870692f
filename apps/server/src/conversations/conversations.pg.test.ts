import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ConversationBody, ConversationListBody, MessageListBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { allEvents, startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;
let eve: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  ada = await TestUser.register(server);
  eve = await TestUser.register(server);
});
afterAll(() => server.stop());

/** The statements that a request sends, without the one that finds out who asks. */
async function statementsOf(request: () => Promise<Response>): Promise<string[]> {
  server.queries.length = 0;
  const response = await request();
  await response.text();
  expect(response.ok).toBe(true);
  return server.queries.map((query) => query.name).filter((name) => name !== "sessions.find");
}

test("a conversation is begun, read, changed and deleted", async () => {
  const conversation = await ada.newConversation();
  expect(conversation).toMatchObject({ title: null, preview: "", cancelWhenAlone: false });
  const path = `/api/v1/conversations/${conversation.id}`;
  const patch = { title: "  Birds  ", model: "other", cacheAnswers: true };
  const patched = await ada.json<ConversationBody>(path, { method: "PATCH", json: patch });
  expect(patched.conversation).toMatchObject({ ...patch, title: "Birds" });
  expect(await ada.json<ConversationBody>(path)).toEqual(patched);
  expect((await ada.fetch(path, { method: "DELETE" })).status).toBe(204);
  expect(await ada.error(path)).toMatchObject({ status: 404, code: "not_found" });
  expect((await ada.fetch(path, { method: "DELETE" })).status).toBe(404);
});

test("the list walks 1,000 conversations in pages, newest activity first, none twice", async () => {
  const owner = await TestUser.register(server);
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  // Many share a moment, so that only the id tells them apart.
  await sql`
    insert into conversations (id, user_id, updated_at)
    select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${owner.user.id},
      now() - make_interval(secs => n / 10)
    from generate_series(1, 1000) as n`;
  await sql.close();
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: ConversationListBody = await owner.json(
      `/api/v1/conversations?limit=90${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
    );
    seen.push(
      ...page.conversations.map((conversation) => conversation.updatedAt + conversation.id),
    );
    cursor = page.nextCursor;
  } while (cursor);
  expect(seen).toHaveLength(1000);
  expect(seen).toEqual([...new Set(seen)].sort().reverse());
  expect(await statementsOf(() => owner.fetch("/api/v1/conversations"))).toEqual([
    "conversations.list",
  ]);
});

test("each request is one statement", async () => {
  const { id } = await ada.newConversation({ title: "Counted" });
  await allEvents(await ada.ask(id, "{{tokens=2}}"));
  const path = `/api/v1/conversations/${id}`;
  const list = await ada.json<MessageListBody>(`${path}/messages`);
  const counts: Record<string, string[]> = {
    create: await statementsOf(() => ada.fetch("/api/v1/conversations", { json: {} })),
    list: await statementsOf(() => ada.fetch("/api/v1/conversations")),
    get: await statementsOf(() => ada.fetch(path)),
    patch: await statementsOf(() => ada.fetch(path, { method: "PATCH", json: { title: "x" } })),
    messages: await statementsOf(() => ada.fetch(`${path}/messages`)),
    message: await statementsOf(() => ada.fetch(`/api/v1/messages/${list.messages[0]?.id}`)),
    ask: (await statementsOf(() => ada.ask(id, "{{tokens=2}}"))).sort(),
    delete: await statementsOf(() => ada.fetch(path, { method: "DELETE" })),
  };
  expect(counts).toEqual({
    create: ["conversations.create"],
    list: ["conversations.list"],
    get: ["conversations.get"],
    patch: ["conversations.patch"],
    messages: ["messages.list"],
    message: ["messages.get"],
    // What was said before is read while the question is saved.
    ask: ["answers.ask", "answers.finish", "answers.prompt"],
    delete: ["conversations.delete"],
  });
});

test("messages are walked newest first in pages", async () => {
  const { id } = await ada.newConversation({ title: "Long" });
  for (let i = 0; i < 4; i++) await allEvents(await ada.ask(id, `${i} {{tokens=2}}`));
  const path = `/api/v1/conversations/${id}/messages?limit=3`;
  const first = await ada.json<MessageListBody>(path);
  const second = await ada.json<MessageListBody>(`${path}&cursor=${first.nextCursor}`);
  const third = await ada.json<MessageListBody>(`${path}&cursor=${second.nextCursor}`);
  const all = [...first.messages, ...second.messages, ...third.messages];
  expect(all).toHaveLength(8);
  expect(third.nextCursor).toBeNull();
  expect(all.map((message) => message.id)).toEqual(
    all
      .map((message) => message.id)
      .sort()
      .reverse(),
  );
});

test("messages are walked both ways from one in the middle", async () => {
  const { id } = await ada.newConversation({ title: "Middle" });
  for (let i = 0; i < 4; i++) await allEvents(await ada.ask(id, `${i} {{tokens=2}}`));
  const path = `/api/v1/conversations/${id}/messages`;
  const all = (await ada.json<MessageListBody>(path)).messages;
  const middle = all[4]?.id;
  const span = await ada.json<MessageListBody>(`${path}?around=${middle}&limit=3`);
  expect(span).toMatchObject({ messages: all.slice(3, 6), newerCursor: all[3]?.id });
  const newer = await ada.json<MessageListBody>(`${path}?after=${span.newerCursor}`);
  expect(newer).toMatchObject({ messages: all.slice(0, 3), newerCursor: null });
  const older = await ada.json<MessageListBody>(`${path}?cursor=${span.nextCursor}`);
  expect(older).toEqual({ messages: all.slice(6), nextCursor: null });
  const eve = await TestUser.register(server);
  expect((await eve.fetch(`${path}?around=${middle}`)).status).toBe(404);
  for (const [query, field] of [
    ["around=x", "around"],
    ["after=x", "cursor"],
    [`around=${middle}&after=${middle}`, "around"],
    [`after=${middle}&cursor=${middle}`, "after"],
  ]) {
    expect(await ada.error(`${path}?${query}`)).toMatchObject({ status: 400, field });
  }
});

test("somebody else's conversation and answers are a 404, whatever is asked of them", async () => {
  const { id } = await ada.newConversation({ title: "Private" });
  await allEvents(await ada.ask(id, "{{tokens=2}}"));
  const { messages } = await ada.json<MessageListBody>(`/api/v1/conversations/${id}/messages`);
  const answer = `/api/v1/messages/${messages[0]?.id}`;
  const path = `/api/v1/conversations/${id}`;
  const attempts: [string, RequestInit & { json?: unknown }][] = [
    [path, {}],
    [path, { method: "PATCH", json: { title: "Mine now" } }],
    [path, { method: "DELETE" }],
    [`${path}/messages`, {}],
    [`${path}/messages`, { json: { content: "hello" } }],
    [answer, {}],
    [`${answer}/stream`, {}],
    [`${answer}/stop`, { method: "POST" }],
    [`${answer}/regenerate`, { method: "POST" }],
  ];
  for (const [attempt, init] of attempts) {
    expect(await eve.error(attempt, init)).toMatchObject({ status: 404, code: "not_found" });
  }
  expect((await ada.json<ConversationBody>(path)).conversation.title).toBe("Private");
});
