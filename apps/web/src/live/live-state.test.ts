import { expect, test } from "bun:test";
import type { SocketEvent } from "@peregrine/protocol";
import { Api } from "../api/api.ts";
import { conversation, idOf, manualFrames, message } from "../testing/samples.ts";
import type { LiveWindow } from "./live-socket.ts";
import { LiveState } from "./live-state.ts";

/** A server with conversations and messages, and sockets that the test opens, uses and breaks. */
function setUp() {
  const server = {
    conversations: [conversation(1)],
    messages: [message(2), message(1)],
    isBusy: false,
    sockets: [] as FakeSocket[],
  };
  class FakeSocket extends EventTarget {
    readonly readyState = WebSocket.OPEN;
    constructor() {
      super();
      server.sockets.push(this);
    }
    open = () => this.dispatchEvent(new Event("open"));
    tell = (event: SocketEvent) =>
      this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(event) }));
    close = () => this.dispatchEvent(new Event("close"));
    send() {}
  }
  const deleted: string[] = [];
  const state = new LiveState({
    api: new Api({
      fetch: async (url) => {
        if (server.isBusy) return Response.json({}, { status: 503 });
        const { conversations, messages } = server;
        return Response.json(
          url.includes("/messages")
            ? { messages, nextCursor: null }
            : { conversations, nextCursor: null },
        );
      },
      onUnauthenticated: () => {},
    }),
    window: {
      addEventListener: () => {},
      document: { addEventListener: () => {}, visibilityState: "visible" },
      WebSocket: FakeSocket as unknown as LiveWindow["WebSocket"],
    },
    url: "ws://test",
    frames: manualFrames(),
    user: () => null,
    announce: () => {},
    onCreated: () => {},
    onDeleted: (id) => void deleted.push(id),
    onRefused: () => {},
  });
  const titles = () => state.conversations.items.value.map(({ title }) => title);
  return { server, state, titles, deleted };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 5_000 && !isTrue(); i++) await Bun.sleep(2);
  expect(isTrue()).toBe(true);
}

test("reads when its socket opens, first and again, also where the server is busy at first", async () => {
  const { server, state, titles } = setUp();
  state.start();
  server.sockets[0]?.open();
  await until(() => titles().length === 1);
  const thread = state.threads.open(idOf(0));
  await until(() => thread.span.load.value === "ready");

  server.conversations = [conversation(2), conversation(1, { title: "New" })];
  server.messages = [message(4), message(3), ...server.messages];
  server.isBusy = true;
  server.sockets[0]?.close();
  await until(() => server.sockets.length === 2);
  server.sockets[1]?.open();
  await Bun.sleep(5);
  expect(titles()).toEqual(["Title 1"]);
  server.isBusy = false;
  await until(() => titles().join() === "Title 2,New");
  await until(() => thread.messages.entries.value.length === 4);
  state.stop();
  expect(titles()).toEqual([]);
}, 20_000);

test("reads when it is told that it may have missed something", async () => {
  const { server, state, titles } = setUp();
  state.start();
  server.sockets[0]?.open();
  await until(() => titles().length === 1);
  server.conversations = [];
  server.sockets[0]?.tell({ type: "missed" });
  await until(() => titles().length === 0);
  state.stop();
}, 20_000);

test("takes in what the socket tells, and says which conversation is gone", async () => {
  const { server, state, titles, deleted } = setUp();
  state.start();
  server.sockets[0]?.open();
  await until(() => titles().length === 1);
  server.sockets[0]?.tell({ type: "conversation.created", conversation: conversation(2) });
  expect(titles()).toEqual(["Title 2", "Title 1"]);
  server.sockets[0]?.tell({ type: "conversation.deleted", conversationId: idOf(1) });
  expect(titles()).toEqual(["Title 2"]);
  expect(deleted).toEqual([idOf(1)]);
  state.stop();
}, 20_000);
