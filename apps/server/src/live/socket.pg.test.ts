import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CreatedApiKeyBody, SocketEvent } from "@peregrine/protocol";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  textOf,
  until,
} from "../testing/test-server.ts";

let server: TestServer;
let ada: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  ada = await TestUser.register(server);
});
afterAll(() => server.stop());

/** Opens a socket and collects what comes. */
async function openSocket(headers: Record<string, string>) {
  const url = `${server.url.replace("http", "ws")}/api/v1/socket`;
  // Bun's sockets take headers, which the types of a browser's do not know.
  const socket = new WebSocket(url, { headers } as unknown as string[]);
  const events: SocketEvent[] = [];
  const closed = Promise.withResolvers<CloseEvent>();
  socket.onmessage = ({ data }) => events.push(JSON.parse(data));
  socket.onclose = (event) => closed.resolve(event);
  const opened = Promise.withResolvers<boolean>();
  socket.onopen = () => opened.resolve(true);
  socket.onerror = () => opened.resolve(false);
  return { socket, events, closed: closed.promise, opened: await opened.promise };
}

const types = (events: SocketEvent[]) => events.map((event) => event.type);

test("all tabs of a user are told what happens, and nobody else is", async () => {
  const eve = await TestUser.register(server);
  const [first, second, other] = await Promise.all([
    openSocket({ cookie: ada.cookie }),
    openSocket({ cookie: ada.cookie }),
    openSocket({ cookie: eve.cookie }),
  ]);
  const { id } = await ada.newConversation();
  const events = await allEvents(await ada.ask(id, "Hello {{tokens=5}}"));
  await until(() =>
    first.events.some((event) => event.type === "conversation.updated" && event.conversation.title),
  );
  await ada.fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
  await until(() => types(second.events).includes("conversation.deleted"));
  expect(second.events).toEqual(first.events);
  expect(types(first.events).filter((type) => type !== "answer")).toEqual([
    "conversation.created",
    "message.created",
    "message.created",
    "conversation.updated",
    "message.updated",
    "conversation.updated",
    "conversation.updated",
    "conversation.deleted",
  ]);
  const answer = first.events.flatMap((event) => (event.type === "answer" ? [event] : []));
  expect(textOf(answer)).toBe(textOf(events));
  expect(answer.map((event) => event.event.type)).toEqual(events.map(({ event }) => event.type));
  expect(other.events).toEqual([]);
  for (const { socket } of [first, second, other]) socket.close();
});

test("a tab can do without tokens, and asks whether the line is alive", async () => {
  const tab = await openSocket({ cookie: ada.cookie });
  tab.socket.send(JSON.stringify({ type: "subscribe", deltas: false }));
  tab.socket.send(JSON.stringify({ type: "ping" }));
  await until(() => types(tab.events).includes("pong"));
  const { id } = await ada.newConversation({ title: "Quiet" });
  await allEvents(await ada.ask(id, "{{tokens=5}}"));
  await until(() => types(tab.events).includes("message.updated"));
  const answer = tab.events.flatMap((event) => (event.type === "answer" ? [event.event.type] : []));
  expect(answer).not.toContain("delta");
  expect(answer).toContain("started");
  expect(answer).toContain("done");
  tab.socket.close();
});

test("a key opens a socket too; a stranger and another site's page do not get one", async () => {
  const { key } = await ada.json<CreatedApiKeyBody>("/api/v1/api-keys", { json: { name: "k" } });
  const program = await openSocket({ authorization: `Bearer ${key}` });
  expect(program.opened).toBe(true);
  program.socket.close();
  expect((await openSocket({})).opened).toBe(false);
  expect((await openSocket({ cookie: ada.cookie, origin: "https://evil.example" })).opened).toBe(
    false,
  );
});

test("what is not a command closes the socket with a reason", async () => {
  for (const text of ["hello", "{}", '{"type":"ping","x":1}', "[1]"]) {
    const tab = await openSocket({ cookie: ada.cookie });
    tab.socket.send(text);
    expect((await tab.closed).code).toBe(4400);
  }
  const flood = await openSocket({ cookie: ada.cookie });
  flood.socket.send("x".repeat(10_000));
  await flood.closed;
});

test("a socket ends when the session or the key that opened it does", async () => {
  const bob = await TestUser.register(server);
  const { apiKey, key } = await bob.json<CreatedApiKeyBody>("/api/v1/api-keys", {
    json: { name: "k" },
  });
  const program = await openSocket({ authorization: `Bearer ${key}` });
  const tab = await openSocket({ cookie: bob.cookie });
  await bob.fetch(`/api/v1/api-keys/${apiKey.id}`, { method: "DELETE" });
  expect((await program.closed).code).toBe(4401);
  await bob.fetch("/api/v1/auth/logout", { method: "POST" });
  expect((await tab.closed).code).toBe(4401);
});
