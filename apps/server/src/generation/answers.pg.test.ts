import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Scenario } from "@peregrine/e2e/model-server";
import type {
  AnswerBody,
  ConversationListBody,
  MessageBody,
  MessageListBody,
} from "@peregrine/protocol";
import {
  allEvents,
  eventsOf,
  startTestServer,
  type TestServer,
  TestUser,
  textOf,
  until,
} from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  server = await startTestServer({ MODEL_TOKEN_TIMEOUT: "1", MODEL_FIRST_TOKEN_TIMEOUT: "1" });
  ada = await TestUser.register(server);
});
afterAll(() => server.stop());

const words = (count: number) => Array.from({ length: count }, (_, i) => `word${i} `).join("");

/** The whole history of a conversation, oldest first. */
async function messagesOf(user: TestUser, conversationId: string) {
  const path = `/api/v1/conversations/${conversationId}/messages`;
  return (await user.json<MessageListBody>(path)).messages.reverse();
}

test("an answer streams from started to done, and is saved as it was streamed", async () => {
  const { id } = await ada.newConversation();
  const events = await allEvents(await ada.ask(id, "{{tokens=50 usage=always}} Hello"));
  expect(events[0]?.event.type).toBe("started");
  expect(events.at(-1)?.event).toEqual({ type: "done", status: "complete" });
  expect(events.at(-2)?.event.type).toBe("usage");
  const [question, answer] = await messagesOf(ada, id);
  expect(question).toMatchObject({ role: "user", status: "complete", author: { name: "Ada" } });
  expect(answer).toMatchObject({ role: "assistant", status: "complete", author: null });
  expect(answer?.content).toBe(textOf(events));
  expect(answer?.content).not.toBe("");
  expect(answer?.usage?.completionTokens).toBe(50);
  expect(answer?.questionId).toBe(question?.id ?? "");
});

test("without a stream the finished answer comes as JSON", async () => {
  const { id } = await ada.newConversation();
  const { question, answer } = await ada.json<AnswerBody>(`/api/v1/conversations/${id}/messages`, {
    json: { content: "Hello {{tokens=3}}" },
  });
  expect(question.content).toBe("Hello {{tokens=3}}");
  expect(answer.status).toBe("complete");
  expect((await messagesOf(ada, id)).map((message) => message.id)).toEqual([
    question.id,
    answer.id,
  ]);
});

test("the model is sent what was said before", async () => {
  const { id } = await ada.newConversation();
  await allEvents(await ada.ask(id, "first {{tokens=2}}"));
  await allEvents(await ada.ask(id, "second {{tokens=2}}"));
  const sent = server.models.requests.findLast((request) =>
    JSON.stringify(request.body).includes("second {{"),
  );
  const messages = sent?.body.messages as { role: string; content: string }[];
  expect(messages.map((message) => message.role)).toEqual(["user", "assistant", "user"]);
  expect(messages[0]?.content).toBe("first {{tokens=2}}");
});

test("late readers get the whole, from any point, while it runs and after", async () => {
  const { id } = await ada.newConversation();
  const asked = await ada.ask(id, "{{tokens=60 rate=100}}");
  const first = eventsOf(asked);
  const started = (await first.next()).value?.event;
  if (started?.type !== "started") throw new Error("no start");
  await first.next();
  const seen = (await first.next()).value?.id as number;
  const [whole, rest, late] = await Promise.all([
    allEvents(await ada.follow(started.messageId)),
    allEvents(await ada.follow(started.messageId, seen)),
    Array.fromAsync(first),
  ]);
  const text = textOf(whole);
  expect(whole[0]?.event.type).toBe("started");
  expect(textOf(rest)).toBe(text.slice(seen));
  expect(textOf(late)).toBe(text.slice(seen));
  const after = await allEvents(await ada.follow(started.messageId, seen));
  expect(textOf(after)).toBe(text.slice(seen));
  expect(after.at(-1)).toEqual(whole.at(-1) as (typeof whole)[number]);
  expect(
    await ada.error(`/api/v1/messages/${started.messageId}/stream`, {
      headers: { "last-event-id": "seven" },
    }),
  ).toMatchObject({ status: 400, field: "Last-Event-ID" });
});

test("an answer goes on when its reader leaves", async () => {
  const { id } = await ada.newConversation();
  const leave = new AbortController();
  const response = await ada.ask(id, "{{tokens=30 rate=200}}", leave.signal);
  await eventsOf(response).next();
  leave.abort();
  await until(async () => (await messagesOf(ada, id))[1]?.status === "complete");
  expect((await messagesOf(ada, id))[1]?.usage).not.toBeNull();
});

test("with cancelWhenAlone the model is left when its last reader leaves", async () => {
  const { id } = await ada.newConversation({ cancelWhenAlone: true });
  const leave = new AbortController();
  const response = await ada.ask(id, "alone {{tokens=5000 rate=100}}", leave.signal);
  const events = eventsOf(response);
  const started = (await events.next()).value?.event;
  if (started?.type !== "started") throw new Error("no start");
  await events.next();
  const second = new AbortController();
  const attached = await ada.fetch(`/api/v1/messages/${started.messageId}/stream`, {
    signal: second.signal,
  });
  // Held until it is aborted: a stream that nothing refers to any more is closed by the collector.
  const reading = eventsOf(attached);
  await reading.next();
  const request = server.models.requests.at(-1);
  leave.abort();
  await Bun.sleep(100);
  expect(request?.ending).toBeUndefined();
  second.abort();
  await expect(Array.fromAsync(reading)).rejects.toThrow();
  await until(() => request?.ending, "the model server to see its client leave");
  await until(async () => (await messagesOf(ada, id))[1]?.status === "stopped");
  expect((await messagesOf(ada, id))[1]?.content).not.toBe("");
});

test("stop keeps what came, and is heard by all who follow", async () => {
  const { id } = await ada.newConversation();
  const events = eventsOf(await ada.ask(id, "{{tokens=5000 rate=100}}"));
  const started = (await events.next()).value?.event;
  if (started?.type !== "started") throw new Error("no start");
  await events.next();
  const path = `/api/v1/messages/${started.messageId}/stop`;
  const { message } = await ada.json<MessageBody>(path, { method: "POST" });
  expect(message.status).toBe("stopped");
  expect(message.content).not.toBe("");
  const rest = await Array.fromAsync(events);
  expect(rest.at(-1)?.event).toEqual({ type: "done", status: "stopped" });
  expect((await ada.json<MessageBody>(path, { method: "POST" })).message).toEqual(message);
});

test("two questions at once in one conversation: one is asked, the other told", async () => {
  const { id } = await ada.newConversation();
  const responses = await Promise.all(
    ["a", "b", "c"].map((word) => ada.ask(id, `${word} {{tokens=10 rate=50}}`)),
  );
  expect(responses.map((response) => response.status).sort()).toEqual([200, 409, 409]);
  for (const response of responses) {
    if (response.status === 409) {
      expect(await response.json()).toMatchObject({ error: { code: "answer_running" } });
    } else {
      await allEvents(response);
    }
  }
  expect(await messagesOf(ada, id)).toHaveLength(2);
});

test("regenerate puts a new answer in the place of the last one", async () => {
  const { id } = await ada.newConversation();
  await allEvents(await ada.ask(id, "one {{tokens=2}}"));
  await allEvents(await ada.ask(id, "two {{tokens=2}}"));
  const [, firstAnswer, question, old] = await messagesOf(ada, id);
  const regenerate = (answerId = "", accept = "text/event-stream") =>
    ada.fetch(`/api/v1/messages/${answerId}/regenerate`, { method: "POST", headers: { accept } });
  const events = await allEvents(await regenerate(old?.id));
  const started = events[0]?.event;
  expect(started).toMatchObject({ type: "started", questionId: question?.id ?? "" });
  const messages = await messagesOf(ada, id);
  expect(messages).toHaveLength(4);
  expect(messages[3]?.id).not.toBe(old?.id ?? "");
  expect((await regenerate(firstAnswer?.id)).status).toBe(409);
  expect((await regenerate(question?.id)).status).toBe(404);
  expect((await regenerate(old?.id)).status).toBe(404);
});

test("a new conversation gets a title after its first answer, and keeps one it was given", async () => {
  const { id } = await ada.newConversation();
  const { id: named } = await ada.newConversation({ title: "Mine" });
  await allEvents(await ada.ask(named, "{{tokens=2}}"));
  await allEvents(await ada.ask(id, "{{tokens=2}}"));
  const titleOf = async (conversationId: string) => {
    const { conversations } = await ada.json<ConversationListBody>("/api/v1/conversations");
    return conversations.find((conversation) => conversation.id === conversationId)?.title;
  };
  await until(() => titleOf(id), "a title");
  expect(await titleOf(named)).toBe("Mine");
});

const faults: [name: string, scenario: Partial<Scenario>, code: string, hasText: boolean][] = [
  ["closes half-way", { fault: "close", after: 5 }, "model_interrupted", true],
  ["resets half-way", { fault: "reset", after: 5 }, "model_interrupted", true],
  ["ends its body half-way", { fault: "end", after: 5 }, "model_interrupted", true],
  ["stalls half-way", { fault: "stall", after: 5 }, "model_timeout", true],
  ["never begins", { fault: "stall" }, "model_timeout", false],
  ["sends an error in its stream", { fault: "error", after: 5 }, "", true],
  ["answers with garbage", { body: "garbage" }, "model_protocol", false],
  ["answers with a page", { status: 502, body: "html" }, "", false],
  ["refuses", { status: 400 }, "model_rejected", false],
  ["is out of quota", { status: 429, retryAfter: "1" }, "model_rate_limited", false],
];

for (const [name, scenario, code, hasText] of faults) {
  test(`a model server that ${name} ends the answer with a clear error, to be made again`, async () => {
    // With a title of its own, so that no request for one takes the fault.
    const { id } = await ada.newConversation({ title: name });
    server.models.next(scenario);
    const events = await allEvents(await ada.ask(id, "Hello"));
    const last = events.at(-1)?.event;
    if (last?.type !== "error") throw new Error(`ended with ${JSON.stringify(last)}`);
    if (code) expect(last.code).toBe(code);
    expect(last.message).not.toBe("");
    expect(last.message).not.toContain("127.0.0.1");
    const answer = (await messagesOf(ada, id))[1];
    expect(answer).toMatchObject({
      status: "interrupted",
      content: textOf(events),
      error: { code: last.code },
    });
    expect(answer?.content !== "").toBe(hasText);

    const again = await ada.fetch(`/api/v1/messages/${answer?.id}/regenerate`, {
      method: "POST",
      headers: { accept: "text/event-stream" },
    });
    expect((await allEvents(again)).at(-1)?.event).toEqual({ type: "done", status: "complete" });
  });
}

test("the failure of an answer that was asked for as JSON is an error response", async () => {
  const { id } = await ada.newConversation();
  const path = `/api/v1/conversations/${id}/messages`;
  expect(await ada.error(path, { json: { content: "{{status=400}}" } })).toMatchObject({
    status: 502,
    code: "model_rejected",
  });
});

test("a conversation that is deleted takes its running answer with it", async () => {
  const { id } = await ada.newConversation();
  const response = await ada.ask(id, "{{tokens=5000 rate=100}}");
  const events = eventsOf(response);
  await events.next();
  await events.next();
  const request = server.models.requests.at(-1);
  expect((await ada.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" })).status).toBe(204);
  expect((await Array.fromAsync(events)).at(-1)?.event.type).toBe("done");
  await until(() => request?.ending, "the model server to see its client leave");
});

test("a stop of the server lets answers finish, and keeps what came of those that do not", async () => {
  const stopping = await startTestServer({ SHUTDOWN_TIMEOUT: "1" });
  const eve = await TestUser.register(stopping);
  const [short, long] = [await eve.newConversation(), await eve.newConversation()];
  const quick = await eve.ask(short.id, "{{tokens=30 rate=100}}");
  const slow = await eve.ask(long.id, "{{tokens=5000 rate=100}}");
  const slowEvents = eventsOf(slow);
  await slowEvents.next();
  await slowEvents.next();
  const [quickEvents, slowRest] = await Promise.all([
    allEvents(quick),
    Array.fromAsync(slowEvents),
    stopping.restart(),
  ]);
  expect(quickEvents.at(-1)?.event).toEqual({ type: "done", status: "complete" });
  expect(slowRest.at(-1)?.event).toMatchObject({ type: "error", code: "interrupted" });
  const [, answer] = await messagesOf(eve, long.id);
  expect(answer?.status).toBe("interrupted");
  expect(answer?.content).toContain(words(0));
  expect(answer?.content.length).toBeGreaterThan(10);
  await stopping.stop();
});
