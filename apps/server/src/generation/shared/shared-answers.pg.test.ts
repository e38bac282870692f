import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CacheClearedBody } from "@peregrine/protocol";
import { startTwoServers, type TwoServers } from "../../testing/start-two-servers.ts";
import {
  allEvents,
  eventsOf,
  type TestServer,
  TestUser,
  textOf,
  until,
} from "../../testing/test-server.ts";

let two: TwoServers;
let server: TestServer;
let other: TestServer;
let ada: TestUser;

beforeAll(async () => {
  two = await startTwoServers();
  ({ first: server, second: other } = two);
  ada = await TestUser.register(server);
});
afterAll(() => two.stop());

/** A conversation that has a title, so that no request for one is made. */
const conversation = (user: TestUser, cacheAnswers = true) =>
  user.newConversation({ title: "Shared", cacheAnswers });

const requestsFor = (question: string) =>
  server.models.requests.filter(({ body }) =>
    (body.messages as { content: string }[]).at(-1)?.content.includes(question),
  );

async function answerTo(user: TestUser, question: string, cacheAnswers = true) {
  const { id } = await conversation(user, cacheAnswers);
  return allEvents(await user.ask(id, question));
}

test("the same question after the same history is answered again without the model", async () => {
  const first = await answerTo(ada, "kept {{tokens=30 usage=always}}");
  const again = await answerTo(ada, "kept {{tokens=30 usage=always}}");
  expect(textOf(again)).toBe(textOf(first));
  expect(textOf(first)).not.toBe("");
  expect(again.slice(-2)).toEqual(first.slice(-2));
  expect(requestsFor("kept")).toHaveLength(1);
});

test("another person, another history, or a conversation that does not say so, is answered by the model", async () => {
  const eve = await TestUser.register(server);
  await answerTo(ada, "mine {{tokens=3}}");
  await answerTo(eve, "mine {{tokens=3}}");
  expect(requestsFor("mine")).toHaveLength(2);
  await answerTo(ada, "mine {{tokens=3}}", false);
  expect(requestsFor("mine")).toHaveLength(3);
  const { id } = await conversation(ada);
  await allEvents(await ada.ask(id, "before {{tokens=3}}"));
  await allEvents(await ada.ask(id, "mine {{tokens=3}}"));
  expect(requestsFor("mine")).toHaveLength(4);
});

test("an answer that is asked for again is made again, and is the one that is kept", async () => {
  const { id } = await conversation(ada);
  server.models.next({ text: "the old one" }, { text: "the new one" });
  const [started] = await allEvents(await ada.ask(id, "once more"));
  if (started?.event.type !== "started") throw new Error("no start");
  const again = await ada.fetch(`/api/v1/messages/${started.event.messageId}/regenerate`, {
    method: "POST",
    headers: { accept: "text/event-stream" },
  });
  expect(textOf(await allEvents(again))).toBe("the new one");
  expect(textOf(await answerTo(ada, "once more"))).toBe("the new one");
  expect(requestsFor("once more")).toHaveLength(2);
});

test("clearing the type ai_response forgets the answers", async () => {
  const admin = ada; // the first account
  await answerTo(ada, "forgotten {{tokens=3}}");
  const path = "/api/v1/performance/cache/clear?cache_type=ai_response";
  const cleared = await admin.json<CacheClearedBody>(path, { method: "POST" });
  expect(cleared.memory_entries).toBeGreaterThan(0);
  await answerTo(ada, "forgotten {{tokens=3}}");
  expect(requestsFor("forgotten")).toHaveLength(2);
});

test("two servers write the same answer from one stream of the model, the late one from the start", async () => {
  const [here, there] = [await conversation(ada), await conversation(ada)];
  const first = eventsOf(await ada.ask(here.id, "across {{tokens=60 rate=100}}"));
  await first.next();
  await first.next();
  await Bun.sleep(100);
  const second = allEvents(await ada.at(other).ask(there.id, "across {{tokens=60 rate=100}}"));
  const [rest, whole] = [await Array.fromAsync(first), await second];
  expect(textOf(whole)).toEndWith(textOf(rest));
  expect(textOf(whole).split(" ").length).toBeGreaterThanOrEqual(60);
  expect(whole.at(-1)?.event).toEqual({ type: "done", status: "complete" });
  expect(requestsFor("across")).toHaveLength(1);
});

test("stopping one answer leaves the other, on another server; stopping both leaves the model", async () => {
  const [here, there] = [await conversation(ada), await conversation(ada)];
  const [at, bob] = [ada, ada.at(other)];
  const question = "stopped {{tokens=5000 rate=100}}";
  const begin = async (user: TestUser, conversationId: string) => {
    const events = eventsOf(await user.ask(conversationId, question));
    const started = (await events.next()).value?.event;
    if (started?.type !== "started") throw new Error("no start");
    await events.next();
    return { events, id: started.messageId };
  };
  const first = await begin(at, here.id);
  const second = await begin(bob, there.id);
  const [request] = requestsFor("stopped");
  await at.json(`/api/v1/messages/${first.id}/stop`, { method: "POST" });
  for (let i = 0; i < 10; i++) expect((await second.events.next()).value?.event.type).toBe("delta");
  expect(request?.ending).toBeUndefined();
  const stoppedMs = performance.now();
  await bob.json(`/api/v1/messages/${second.id}/stop`, { method: "POST" });
  await until(() => request?.ending, "the model to be left");
  expect((request?.ending?.atMs ?? Number.POSITIVE_INFINITY) - stoppedMs).toBeLessThan(5_000);
  expect(requestsFor("stopped")).toHaveLength(1);
  await Promise.all([Array.fromAsync(first.events), Array.fromAsync(second.events)]);
});
