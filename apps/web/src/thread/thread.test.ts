import { expect, test } from "bun:test";
import type { Message, StreamEvent } from "@peregrine/protocol";
import { Api } from "../api/api.ts";
import type { SendBody } from "../api/send-body.ts";
import { ConversationList } from "../conversations/conversation-list.ts";
import { conversation, idOf, manualFrames, message } from "../testing/samples.ts";
import { Thread } from "./thread.ts";

type Handler = (
  body: unknown,
  request: RequestInit & { url: string },
) => Response | Promise<Response>;

/** An answer's stream that the test writes event by event. */
function liveStream() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start: (it) => {
      controller = it;
    },
  });
  const send = (id: number, event: StreamEvent) =>
    controller.enqueue(new TextEncoder().encode(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`));
  return {
    response: new Response(body),
    send,
    break: () => controller.error(new TypeError("lost")),
  };
}

const started = (question: number, answer: number): StreamEvent => ({
  type: "started",
  conversationId: idOf(0),
  questionId: idOf(question),
  messageId: idOf(answer),
  model: "model",
  createdAt: "2026-01-01T00:00:00.000Z",
});
const done: StreamEvent = { type: "done", status: "complete" };

function setUp(id: string | null, routes: Record<string, Handler>, sendBody?: SendBody) {
  const calls: string[] = [];
  const api = new Api({
    fetch: async (url, init) => {
      const call = `${init.method} ${url.replace("/api/v1", "").split("?")[0]}`;
      calls.push(call);
      const handler = routes[call];
      if (!handler) throw new Error(`no route ${call}`);
      return handler(init.body ? JSON.parse(String(init.body)) : undefined, { ...init, url });
    },
    ...(sendBody ? { sendBody } : {}),
    onUnauthenticated: () => {},
  });
  const said: string[] = [];
  const created: string[] = [];
  const thread = new Thread(id, {
    api,
    conversations: new ConversationList(api),
    frames: manualFrames(),
    user: () => null,
    announce: (text) => void said.push(text),
    onCreated: (_thread, newId) => void created.push(newId),
  });
  const shown = () =>
    thread.messages.entries.value.map((entry) => [
      entry.id,
      entry.message.value.status,
      entry.text,
    ]);
  return { thread, calls, said, created, shown };
}

const pageOf =
  (...messages: Message[]) =>
  () =>
    Response.json({ messages, nextCursor: null });
const refused = (status: number, code: string) => () =>
  Response.json({ error: { code, message: `server says ${code}` } }, { status });
const messagesOf = `/conversations/${idOf(0)}/messages`;

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !isTrue(); i++) await Bun.sleep(0);
  expect(isTrue()).toBe(true);
}

test("the first question makes the conversation, shows at once, and gets the server's ids", async () => {
  const stream = liveStream();
  const { thread, calls, created, said, shown } = setUp(null, {
    "POST /conversations": () => Response.json({ conversation: conversation(0) }, { status: 201 }),
    [`POST ${messagesOf}`]: () => stream.response,
  });
  thread.open();
  let isAccepted = false;
  const asked = thread.ask("hello", () => {
    isAccepted = true;
  });
  expect(shown().map(([, status, text]) => [status, text])).toEqual([
    ["complete", "hello"],
    ["running", ""],
  ]);
  expect(thread.answering.value).toBe(true);
  stream.send(0, started(1, 2));
  await until(() => isAccepted);
  expect(thread.sending.value).toBe(false);
  stream.send(2, { type: "delta", text: "hi" });
  stream.send(4, done);
  expect(await asked).toBe(true);
  expect(shown()).toEqual([
    [idOf(1), "complete", "hello"],
    [idOf(2), "complete", "hi"],
  ]);
  expect(calls).toEqual(["POST /conversations", `POST ${messagesOf}`]);
  expect(created).toEqual([idOf(0)]);
  expect(said).toEqual(["Answer started", "Answer finished"]);
});

test("attached files go with the question, and come back where it is refused", async () => {
  const file = { id: idOf(9), name: "a.txt", mediaType: "text/plain", sizeBytes: 1 };
  const asked: unknown[] = [];
  let isBusy = true;
  const stream = liveStream();
  const { thread } = setUp(
    idOf(0),
    {
      [`GET ${messagesOf}`]: pageOf(),
      [`POST ${messagesOf}`]: (body) => {
        asked.push(body);
        return isBusy ? refused(503, "overloaded")() : stream.response;
      },
    },
    async () => Response.json({ file }, { status: 201 }),
  );
  thread.open();
  await until(() => thread.span.load.value === "ready");
  thread.attachments.add([new File(["x"], "a.txt")]);
  await until(() => thread.attachments.areReady.value);
  expect(await thread.ask("read this")).toBe(false);
  expect(thread.attachments.list.value).toHaveLength(1);
  isBusy = false;
  const again = thread.ask("read this");
  expect(thread.messages.entries.value[0]?.message.value.files).toEqual([
    expect.objectContaining({ id: file.id }),
  ]);
  expect(thread.attachments.list.value).toEqual([]);
  await until(() => asked.length === 2);
  stream.send(0, started(1, 2));
  stream.send(2, done);
  expect(await again).toBe(true);
  expect(asked).toEqual([
    { content: "read this", fileIds: [file.id] },
    { content: "read this", fileIds: [file.id] },
  ]);
});

test("what the socket says about a question on its way does not show it twice", async () => {
  const stream = liveStream();
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: pageOf(),
    [`POST ${messagesOf}`]: () => stream.response,
  });
  thread.open();
  await until(() => thread.span.load.value === "ready");
  const asked = thread.ask("question 1");
  thread.receive({ type: "message.created", message: message(1) });
  thread.receive({
    type: "message.created",
    message: message(2, { status: "running", content: "" }),
  });
  expect(shown()).toHaveLength(2);
  stream.send(0, started(1, 2));
  stream.send(3, { type: "delta", text: "abc" });
  stream.send(5, done);
  await asked;
  expect(shown()).toEqual([
    [idOf(1), "complete", "question 1"],
    [idOf(2), "complete", "abc"],
  ]);
});

test("what is told while messages are on their way is not undone by them", async () => {
  const pages = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()];
  let asked = 0;
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: () => pages[asked++]?.promise as Promise<Response>,
  });
  thread.open();
  await until(() => asked === 1);
  thread.receive({ type: "message.created", message: message(3) });
  pages[0]?.resolve(pageOf(message(2), message(1))());
  await until(() => thread.span.load.value === "ready");
  expect(shown().map(([id]) => id)).toEqual([1, 2, 3].map(idOf));
  const catchingUp = thread.catchUp();
  thread.receive({ type: "message.created", message: message(4) });
  pages[1]?.resolve(pageOf(message(3), message(2), message(1))());
  await catchingUp;
  expect(shown().map(([id]) => id)).toEqual([1, 2, 3, 4].map(idOf));
});

test("a page that comes late does not take the place of one that was asked for after it", async () => {
  const pages = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()];
  let asked = 0;
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: () => pages[asked++]?.promise as Promise<Response>,
  });
  thread.open();
  const catchingUp = thread.catchUp();
  pages[1]?.resolve(pageOf(message(2), message(1))());
  await catchingUp;
  pages[0]?.resolve(pageOf(message(1))());
  await until(() => !thread.span.isReading);
  expect(shown()).toHaveLength(2);
});

test("what was missed while a question was on its way is read when it has arrived", async () => {
  const stream = liveStream();
  const stored = [message(1)];
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: () => pageOf(...stored.toReversed())(),
    [`POST ${messagesOf}`]: () => stream.response,
  });
  thread.open();
  await until(() => thread.span.load.value === "ready");
  const asked = thread.ask("question 3");
  await thread.catchUp();
  stored.push(message(2), message(3), message(4, { status: "running", content: "" }));
  stream.send(0, started(3, 4));
  await until(() => shown().length === 4 && !thread.span.isReading);
  expect(shown().map(([id]) => id)).toEqual([1, 2, 3, 4].map(idOf));
  stream.send(5, { type: "delta", text: "whole" });
  stream.send(7, done);
  await asked;
  expect(shown().at(-1)).toEqual([idOf(4), "complete", "whole"]);
});

test("a refused question leaves nothing behind and goes back to its writer", async () => {
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: pageOf(),
    [`POST ${messagesOf}`]: refused(409, "answer_running"),
  });
  thread.open();
  await until(() => thread.span.load.value === "ready");
  expect(await thread.ask("too early")).toBe(false);
  expect(shown()).toEqual([]);
  expect(thread.notice.value).toContain("still being written");
  expect(thread.answering.value).toBe(false);
});

test("a question that arrived although the connection broke is not asked again", async () => {
  const attached = liveStream();
  let isAsked = false;
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: () =>
      isAsked ? pageOf(message(2, { status: "running", content: "" }), message(1))() : pageOf()(),
    [`POST ${messagesOf}`]: () => {
      isAsked = true;
      throw new TypeError("lost");
    },
    [`GET /messages/${idOf(2)}/stream`]: () => attached.response,
  });
  thread.open();
  await until(() => thread.span.load.value === "ready");
  expect(await thread.ask("question 1")).toBe(true);
  attached.send(0, started(1, 2));
  attached.send(5, { type: "delta", text: "whole" });
  attached.send(7, done);
  await until(() => !thread.answering.value);
  expect(shown()).toEqual([
    [idOf(1), "complete", "question 1"],
    [idOf(2), "complete", "whole"],
  ]);
});

test("a question that did not arrive comes back, and the same words from before do not count", async () => {
  const { thread } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: pageOf(message(2), message(1)),
    [`POST ${messagesOf}`]: () => {
      throw new TypeError("lost");
    },
  });
  thread.open();
  await until(() => thread.span.load.value === "ready");
  expect(await thread.ask("question 1")).toBe(false);
  expect(thread.notice.value).toContain("cannot be reached");
});

test("a running answer is followed on opening, and taken up again where it was", async () => {
  const streams = [liveStream(), liveStream()];
  const lastEventIds: (string | null)[] = [];
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: pageOf(message(2, { status: "running", content: "" }), message(1)),
    [`GET /messages/${idOf(2)}/stream`]: (_body, init) => {
      lastEventIds.push(new Headers(init.headers).get("last-event-id"));
      const stream = streams[lastEventIds.length - 1];
      init.signal?.addEventListener("abort", () => stream?.break());
      return stream?.response as Response;
    },
  });
  thread.open();
  await until(() => lastEventIds.length === 1);
  streams[0]?.send(0, started(1, 2));
  streams[0]?.send(4, { type: "delta", text: "half" });
  await until(() => thread.messages.last?.textLength === 4);
  thread.close();
  await Bun.sleep(0);
  thread.open();
  await until(() => lastEventIds.length === 2);
  streams[1]?.send(9, { type: "delta", text: "+rest" });
  streams[1]?.send(11, done);
  await until(() => !thread.answering.value);
  expect(lastEventIds).toEqual([null, "4"]);
  expect(shown().at(-1)).toEqual([idOf(2), "complete", "half+rest"]);
});

test("regenerating puts the new answer in the old one's place, and the old one back if refused", async () => {
  const stream = liveStream();
  let isRefused = true;
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: pageOf(message(2), message(1)),
    [`POST /messages/${idOf(2)}/regenerate`]: () =>
      isRefused ? refused(503, "overloaded")() : stream.response,
  });
  thread.open();
  await until(() => thread.span.load.value === "ready");
  const old = thread.messages.last;
  if (!old) throw new Error("no answer");
  await thread.regenerate(old);
  expect(shown().at(-1)).toEqual([idOf(2), "complete", "answer 2"]);
  expect(thread.notice.value).toBe("server says overloaded");
  isRefused = false;
  const regenerated = thread.regenerate(old);
  stream.send(0, started(1, 4));
  stream.send(3, { type: "delta", text: "new" });
  stream.send(5, done);
  await regenerated;
  expect(shown()).toEqual([
    [idOf(1), "complete", "question 1"],
    [idOf(4), "complete", "new"],
  ]);
});

test("a conversation that is not there says so", async () => {
  const { thread } = setUp(idOf(0), { [`GET ${messagesOf}`]: refused(404, "not_found") });
  thread.open();
  await until(() => thread.span.load.value === "missing");
});

test("from a message in the middle, asking goes to the newest first; what is told meanwhile waits there", async () => {
  const stream = liveStream();
  const asked: string[] = [];
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: (_, { url }) => {
      const isAround = url.includes("around=");
      asked.push(isAround ? "around" : "newest");
      return isAround
        ? Response.json({
            messages: [message(4), message(3)],
            nextCursor: null,
            newerCursor: idOf(4),
          })
        : Response.json({ messages: [message(8), message(7)], nextCursor: idOf(7) });
    },
    [`POST ${messagesOf}`]: () => stream.response,
  });
  thread.open(idOf(3));
  await until(() => thread.span.load.value === "ready");
  thread.receive({ type: "message.created", message: message(7) });
  expect(shown().map(([id]) => id)).toEqual([idOf(3), idOf(4)]);
  const asking = thread.ask("and now?");
  await until(() => thread.sending.value);
  stream.send(0, started(9, 10));
  stream.send(1, done);
  expect(await asking).toBe(true);
  expect(asked).toEqual(["around", "newest"]);
  expect(shown().map(([id]) => id)).toEqual([7, 8, 9, 10].map(idOf));
});

test("a message that is gone is told, and the conversation is there", async () => {
  const { thread, shown } = setUp(idOf(0), {
    [`GET ${messagesOf}`]: () =>
      Response.json({ messages: [message(2)], nextCursor: null, newerCursor: null }),
  });
  thread.open(idOf(1));
  await until(() => thread.notice.value !== null);
  expect(thread.notice.value).toBe("That message is no longer here.");
  expect(shown()).toHaveLength(1);
});
