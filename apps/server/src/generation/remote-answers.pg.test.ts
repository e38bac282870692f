import { afterAll, beforeAll, expect, test } from "bun:test";
import type { MessageBody, SocketEvent } from "@peregrine/protocol";
import { startTwoServers, type TwoServers } from "../testing/start-two-servers.ts";
import {
  allEvents,
  eventsOf,
  startTestServer,
  type TestServer,
  TestUser,
  textOf,
  until,
} from "../testing/test-server.ts";

let two: TwoServers;
let first: TestServer;
let second: TestServer;
let ada: TestUser;
let there: TestUser;

beforeAll(async () => {
  two = await startTwoServers();
  ({ first, second } = two);
  ada = await TestUser.register(first);
  there = ada.at(second);
});
afterAll(() => two.stop());

/** Asks on the first server, and gives the events from the second on. */
async function begin(question: string, patch: object = {}) {
  const { id } = await ada.newConversation({ title: "Shared", ...patch });
  const leave = new AbortController();
  const events = eventsOf(await ada.ask(id, question, leave.signal));
  const started = (await events.next()).value?.event;
  if (started?.type !== "started") throw new Error("no start");
  await events.next();
  return { conversationId: id, answerId: started.messageId, events, leave };
}

test("an answer is followed on another server as it is written, from any point", async () => {
  const { answerId, events } = await begin("{{tokens=80 rate=80}}");
  const [whole, rest, here] = await Promise.all([
    allEvents(await there.follow(answerId)),
    allEvents(await there.follow(answerId, 12)),
    Array.fromAsync(events),
  ]);
  const { message } = await ada.json<MessageBody>(`/api/v1/messages/${answerId}`);
  expect(textOf(whole)).toBe(message.content);
  expect(textOf(rest)).toBe(message.content.slice(12));
  expect(whole.at(-1)).toEqual(here.at(-1) as (typeof here)[number]);
  // It came in many pieces and not at the end.
  expect(whole.filter(({ event }) => event.type === "delta").length).toBeGreaterThan(10);
});

test("an answer is stopped from another server", async () => {
  const { answerId, events } = await begin("{{tokens=5000 rate=100}}");
  const { message } = await there.json<MessageBody>(`/api/v1/messages/${answerId}/stop`, {
    method: "POST",
  });
  expect(message.status).toBe("stopped");
  expect(message.content).not.toBe("");
  const rest = await Array.fromAsync(events);
  expect(rest.at(-1)?.event).toEqual({ type: "done", status: "stopped" });
});

test("a reader on another server keeps an answer alive that would end when alone", async () => {
  const { answerId, leave } = await begin("{{tokens=5000 rate=100}}", { cancelWhenAlone: true });
  const request = first.models.requests.at(-1);
  const elsewhere = new AbortController();
  const followed = await there.fetch(`/api/v1/messages/${answerId}/stream`, {
    signal: elsewhere.signal,
  });
  // Held until it is aborted: a stream that nothing refers to any more is closed by the collector.
  const reading = eventsOf(followed);
  await reading.next();
  leave.abort();
  await Bun.sleep(200);
  expect(request?.ending).toBeUndefined();
  elsewhere.abort();
  await expect(Array.fromAsync(reading)).rejects.toThrow();
  await until(() => request?.ending, "the model to be left");
});

test("a deletion on another server ends the answer that runs", async () => {
  const { conversationId, events } = await begin("{{tokens=5000 rate=100}}");
  const request = first.models.requests.at(-1);
  await there.fetch(`/api/v1/conversations/${conversationId}`, { method: "DELETE" });
  expect((await Array.fromAsync(events)).at(-1)?.event.type).toBe("done");
  await until(() => request?.ending, "the model to be left");
});

test("somebody else follows nothing, on whichever server", async () => {
  const { answerId, leave } = await begin("{{tokens=50 rate=50}}");
  const eve = (await TestUser.register(first)).at(second);
  expect((await eve.follow(answerId)).status).toBe(404);
  leave.abort();
});

test("when the server that writes an answer goes, those who follow elsewhere are told", async () => {
  const third = await startTestServer({
    REDIS_URL: two.redis.url,
    DATABASE_URL: first.databaseUrl,
    SHUTDOWN_TIMEOUT: "0",
  });
  const { id } = await ada.newConversation({ title: "Going" });
  const events = eventsOf(await ada.at(third).ask(id, "{{tokens=5000 rate=100}}"));
  const started = (await events.next()).value?.event;
  if (started?.type !== "started") throw new Error("no start");
  await events.next();
  const followed = eventsOf(await there.follow(started.messageId));
  await followed.next();
  await third.stop();
  const last = (await Array.fromAsync(followed)).at(-1)?.event;
  expect(last).toMatchObject({ type: "error", code: "interrupted" });
});

test("tabs on every server are told what happens, with the tokens", async () => {
  const url = `${second.url.replace("http", "ws")}/api/v1/socket`;
  const headers = { cookie: ada.cookie };
  const socket = new WebSocket(url, { headers } as unknown as string[]);
  const events: SocketEvent[] = [];
  socket.onmessage = ({ data }) => events.push(JSON.parse(data));
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const heardOf = (id: string) =>
    events.flatMap((event) =>
      event.type === "answer" && event.conversationId === id ? [event] : [],
    );
  // What a server wants is heard by the others a moment later.
  await until(async () => {
    const early = await ada.newConversation({ title: "Early" });
    await allEvents(await ada.ask(early.id, "{{tokens=1}}"));
    return heardOf(early.id).length > 0;
  }, "tokens to be heard");
  const { id } = await ada.newConversation({ title: "Told" });
  const answer = await allEvents(await ada.ask(id, "{{tokens=20 rate=200}}"));
  await until(() =>
    events.some((event) => event.type === "message.updated" && event.message.conversationId === id),
  );
  const heard = heardOf(id);
  expect(textOf(heard)).toBe(textOf(answer));
  expect(heard.at(-1)?.event.type).toBe("done");
  socket.close();
});
