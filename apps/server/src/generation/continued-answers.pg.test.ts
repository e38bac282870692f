import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type ModelServer, startModelServer } from "@peregrine/e2e/model-server";
import type { MessageListBody } from "@peregrine/protocol";
import {
  allEvents,
  eventsOf,
  startTestServer,
  type TestServer,
  TestUser,
  textOf,
  until,
} from "../testing/test-server.ts";

const answer = "One, two,\n\nthree 😀 four. \n Five six, seven; eight nine ten.";

let first: ModelServer;
let second: ModelServer;
let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  first = startModelServer();
  second = startModelServer();
  server = await startTestServer({
    MODEL_SERVERS: `${first.url},${second.url};backup`,
    MODEL_CONTINUE: "assistant",
    MODEL: "m",
    LOG_LEVEL: "silent",
  });
  ada = await TestUser.register(server);
});
afterAll(async () => {
  await server.stop();
  first.stop();
  second.stop();
});
afterEach(() => second.always({}));

const conversation = (patch: object) => ada.newConversation({ title: "Cut", ...patch });

async function messagesOf(id: string): Promise<MessageListBody["messages"]> {
  const path = `/api/v1/conversations/${id}/messages`;
  return (await ada.json<MessageListBody>(path)).messages;
}

test("an answer that went on elsewhere is streamed, saved, counted and kept as one", async () => {
  const { id } = await conversation({ cacheAnswers: true });
  first.next({ text: answer, fault: "end", after: 3 });
  second.always({ text: answer });
  const events = await allEvents(await ada.ask(id, "a question"));
  expect(textOf(events)).toBe(answer);
  const ids = events.map((event) => event.id);
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  expect(events.at(-1)!.event).toEqual({ type: "done", status: "complete" });
  const saved = (await messagesOf(id)).find(({ role }) => role === "assistant")!;
  expect(saved).toMatchObject({
    content: answer,
    status: "complete",
    usage: { promptTokens: 17, completionTokens: 11 },
  });

  const asked = first.requests.length + second.requests.length;
  const other = await conversation({ cacheAnswers: true });
  expect(textOf(await allEvents(await ada.ask(other.id, "a question")))).toBe(answer);
  expect(first.requests.length + second.requests.length).toBe(asked);
});

test("those who share an answer all go on, and the models are asked once", async () => {
  const conversations = await Promise.all(
    [1, 2, 3].map(() => conversation({ cacheAnswers: true })),
  );
  const before = second.requests.length;
  first.next({ text: answer, fault: "end", after: 4, firstTokenDelayMs: 300 });
  second.always({ text: answer, rate: 50 });
  const texts = await Promise.all(
    conversations.map(async ({ id }) => textOf(await allEvents(await ada.ask(id, "a shared one")))),
  );
  expect(texts).toEqual([answer, answer, answer]);
  expect(second.requests.length - before).toBe(1);
});

test("stopping it after it went on keeps all that came, and stops the second server", async () => {
  const { id } = await conversation({});
  first.next({ text: answer, fault: "end", after: 2 });
  second.always({ text: answer, rate: 10 });
  let text = "";
  for await (const { event } of eventsOf(await ada.ask(id, "another question"))) {
    if (event.type !== "delta") continue;
    text += event.text;
    if (!text.includes("three")) continue;
    const saved = (await messagesOf(id)).find(({ role }) => role === "assistant")!;
    await ada.json(`/api/v1/messages/${saved.id}/stop`, { method: "POST" });
  }
  const saved = (await messagesOf(id)).find(({ role }) => role === "assistant")!;
  expect(saved).toMatchObject({ content: text, status: "stopped" });
  expect(answer).toStartWith(text);
  await until(() => second.openStreams === 0, "the second server to be left");
  expect(second.requests.at(-1)!.ending?.how).toBe("client_left");
});

test("where nobody can go on with it, it is saved as interrupted and is not kept", async () => {
  // The first server was put aside for what it did above.
  await server.restart();
  const { id } = await conversation({ cacheAnswers: true });
  first.next({ text: answer, fault: "end", after: 3 }, { status: 500 });
  second.always({ status: 500 });
  const events = await allEvents(await ada.ask(id, "a lost one"));
  expect(textOf(events)).toBe("One, two,\n\nthree");
  expect(events.at(-1)!.event).toMatchObject({ type: "error", code: "model_interrupted" });
  second.always({ text: answer });
  const other = await conversation({ cacheAnswers: true });
  first.next({ text: answer });
  expect(textOf(await allEvents(await ada.ask(other.id, "a lost one")))).toBe(answer);
});
