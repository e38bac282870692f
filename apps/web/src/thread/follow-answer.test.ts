import { expect, test } from "bun:test";
import type { StreamEvent } from "@peregrine/protocol";
import { ApiError } from "../api/api-error.ts";
import { AnswerFollower } from "./follow-answer.ts";

type Numbered = [id: number, event: StreamEvent];

const started: StreamEvent = {
  type: "started",
  conversationId: "c",
  questionId: "q",
  messageId: "m",
  model: "demo",
  createdAt: "2026-01-01T00:00:00.000Z",
};
const usage: StreamEvent = { type: "usage", promptTokens: 1, completionTokens: 2 };
const done: StreamEvent = { type: "done", status: "complete" };

/** The whole log of an answer, one delta for each piece. */
function logOf(pieces: string[]): Numbered[] {
  let length = 0;
  const deltas = pieces.map((text): Numbered => {
    length += text.length;
    return [length, { type: "delta", text }];
  });
  return [[0, started], ...deltas, [length + 1, usage], [length + 2, done]];
}

/** A stream of these events; `breaks` ends it with an error as a lost network does. */
function streamOf(events: Numbered[], breaks = false): Response {
  const encoder = new TextEncoder();
  const chunks = events.map(([id, event]) =>
    encoder.encode(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
  );
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else if (breaks) controller.error(new TypeError("network"));
      else controller.close();
    },
  });
  return new Response(body);
}

/** A server with this log that gives at most `perConnection` events to each connection. */
function server(log: Numbered[], perConnection: number) {
  const attached: (number | undefined)[] = [];
  const from = (lastEventId: number | undefined) => {
    // As from the saved text: one delta with everything behind the offset.
    const rest = log.filter(([id]) => lastEventId === undefined || id > lastEventId);
    return streamOf(rest.slice(0, perConnection), attached.length % 2 === 0);
  };
  return {
    attached,
    attach: async (_id: string, lastEventId: number | undefined) => {
      attached.push(lastEventId);
      return from(lastEventId);
    },
    first: async () => from(undefined),
  };
}

function collect() {
  const events: StreamEvent[] = [];
  const text = () => events.map((event) => (event.type === "delta" ? event.text : "")).join("");
  return { events, text, onEvent: (event: StreamEvent) => void events.push(event) };
}

const noWait = { wait: async () => {}, random: () => 0 };
const pieces = ["Hello", ", ", "wörld 🦅", "!", " More", " text", "."];

test("gives every event once and in order, however often the connection breaks", async () => {
  for (let perConnection = 1; perConnection < 12; perConnection++) {
    const log = logOf(pieces);
    const from = server(log, perConnection);
    const seen = collect();
    await new AnswerFollower({ ...from, ...seen, ...noWait }).run();
    expect(seen.events).toEqual(log.map(([, event]) => event));
  }
});

test("attaches behind the last event it has", async () => {
  const from = server(logOf(["ab", "cd", "ef"]), 2);
  await new AnswerFollower({ ...from, ...collect(), ...noWait }).run();
  expect(from.attached).toEqual([2, 6]);
});

test("drops what it has already, also when a delta reaches back", async () => {
  const seen = collect();
  const streams = [
    streamOf(
      [
        [0, started],
        [3, { type: "delta", text: "abc" }],
      ],
      true,
    ),
    streamOf([
      [0, started],
      [2, { type: "delta", text: "ab" }],
      [5, { type: "delta", text: "cde" }],
      [7, done],
    ]),
  ];
  const next = async () => streams.shift() as Response;
  await new AnswerFollower({ first: next, attach: next, ...seen, ...noWait }).run();
  expect(seen.text()).toBe("abcde");
  expect(seen.events.map((event) => event.type)).toEqual(["started", "delta", "delta", "done"]);
});

test("reads again rather than leaving a gap", async () => {
  const seen = collect();
  const attached: unknown[] = [];
  const streams = [
    streamOf([
      [2, { type: "delta", text: "ab" }],
      [9, { type: "delta", text: "hi" }],
    ]),
    streamOf([
      [9, { type: "delta", text: "cdefghi" }],
      [11, done],
    ]),
  ];
  const attach = async (_id: string, lastEventId?: number) => {
    attached.push(lastEventId);
    return streams.shift() as Response;
  };
  await new AnswerFollower({ attach, messageId: "m", ...seen, ...noWait }).run();
  expect(seen.text()).toBe("abcdefghi");
  expect(attached).toEqual([undefined, 2]);
});

test("goes on behind text that is there from before", async () => {
  const from = server(logOf(["abc", "def"]), 99);
  const seen = collect();
  await new AnswerFollower({
    attach: from.attach,
    messageId: "m",
    textLength: 3,
    ...seen,
    ...noWait,
  }).run();
  expect(seen.text()).toBe("def");
  expect(from.attached).toEqual([3]);
});

test("waits longer after each failure, and no longer than 15 s", async () => {
  const waits: number[] = [];
  let attempts = 0;
  const attach = async () => {
    if (++attempts <= 10) throw ApiError.network(new TypeError("down"));
    return streamOf([
      [0, started],
      [2, done],
    ]);
  };
  await new AnswerFollower({
    attach,
    messageId: "m",
    ...collect(),
    random: () => 1,
    wait: async (ms) => void waits.push(ms),
  }).run();
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
});

test("heeds Retry-After, and gives up on what no retry helps", async () => {
  const waits: number[] = [];
  const errors = [
    new ApiError("overloaded", "busy", { status: 503, retryAfterMs: 7000 }),
    new ApiError("not_found", "gone", { status: 404 }),
  ];
  const follower = new AnswerFollower({
    attach: () => Promise.reject(errors.shift()),
    messageId: "m",
    ...collect(),
    random: () => 0,
    wait: async (ms) => void waits.push(ms),
  });
  await expect(follower.run()).rejects.toMatchObject({ code: "not_found" });
  expect(waits).toEqual([7000]);
});

test("a break before the answer is known is not taken for an arrived question", async () => {
  const attach = () => Promise.reject(new Error("must not be called"));
  for (const first of [async () => streamOf([], true), async () => streamOf([])]) {
    const follower = new AnswerFollower({ first, attach, ...collect(), ...noWait });
    await expect(follower.run()).rejects.toMatchObject({ code: "network" });
  }
});

test("reconnect opens another connection at once, close ends quietly", async () => {
  const hanging = () => new Response(new ReadableStream({ start: () => {} }));
  const signals: AbortSignal[] = [];
  const attach = async (_id: string, _last: number | undefined, signal: AbortSignal) => {
    signals.push(signal);
    const response = hanging();
    const body = response.body?.pipeThrough(new TransformStream(), { signal });
    return new Response(body as ReadableStream);
  };
  const follower = new AnswerFollower({ attach, messageId: "m", ...collect(), ...noWait });
  const running = follower.run();
  await Bun.sleep(0);
  follower.reconnect();
  while (signals.length < 2) await Bun.sleep(0);
  expect(signals[0]?.aborted).toBe(true);
  expect(signals[1]?.aborted).toBe(false);
  follower.close();
  await running;
  expect(signals).toHaveLength(2);
});
