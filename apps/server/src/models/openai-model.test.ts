import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type ModelServer, startModelServer } from "@peregrine/e2e/model-server";
import { freePort } from "@peregrine/process/testing";
import { modelServerAddress } from "./base-url.ts";
import type { ModelEvent, ModelRequest } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { type ModelLimits, OpenAiModel } from "./openai-model.ts";

const apiKey = "sk-test-0123456789abcdef";
const limits: ModelLimits = {
  firstTokenMs: 10_000,
  nextTokenMs: 10_000,
  wholeMs: 10_000,
  maxAnswerLength: 10_000,
};
const never = new AbortController().signal;

let server: ModelServer;
let session: Bun.FetchSession;

beforeAll(() => {
  server = startModelServer({ apiKey });
});
beforeEach(() => {
  session = new Bun.FetchSession();
});
afterAll(() => {
  session.close();
  server.stop();
});

function model(changed: Partial<ModelLimits> = {}, url = server.url, key = apiKey): OpenAiModel {
  return new OpenAiModel(modelServerAddress(url, key), key, { ...limits, ...changed }, session);
}

function ask(content: string, more: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: "m",
    messages: [{ role: "user", content }],
    priority: "interactive",
    ...more,
  };
}

type Outcome = { text: string; last: ModelEvent | undefined; error: unknown };

async function outcomeOf(events: AsyncIterable<ModelEvent>): Promise<Outcome> {
  const outcome: Outcome = { text: "", last: undefined, error: undefined };
  try {
    for await (const event of events) {
      if (event.type === "delta") outcome.text += event.text;
      outcome.last = event;
    }
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

async function errorOf(events: AsyncIterable<ModelEvent>): Promise<ModelError> {
  const { error } = await outcomeOf(events);
  if (!(error instanceof ModelError)) throw new Error("expected a ModelError", { cause: error });
  expect(error.message).not.toMatch(/:\/\/|127\.0\.0\.1|sk-test|at .*:\d+/);
  return error;
}

const words = (n: number) => Array.from({ length: n }, (_, i) => `word${i}`).join(" ");
const end: ModelEvent = { type: "end", finishReason: "stop" };

describe("an answer", () => {
  test("comes as deltas, usage and end", async () => {
    const events: ModelEvent[] = [];
    for await (const event of model().stream(ask("{{tokens=2}}"), never)) events.push(event);
    expect(events).toEqual([
      { type: "delta", text: "word0" },
      { type: "delta", text: " word1" },
      { type: "usage", promptTokens: 7, completionTokens: 2 },
      end,
    ]);
  });

  test("asks with all that was asked for, and the key", async () => {
    const request = ask("{{tokens=1}}", { temperature: 0.5, maxTokens: 9, user: "u" });
    await outcomeOf(model().stream(request, never));
    const { headers, body } = server.requests.at(-1)!;
    expect(headers.authorization).toBe(`Bearer ${apiKey}`);
    expect(body).toEqual({
      model: "m",
      messages: [{ role: "user", content: "{{tokens=1}}" }],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      max_tokens: 9,
      user: "u",
    });
  });

  test.each([
    "cut=1",
    "cut=7 comments=true lineEnd=crlf",
    "cut=3 lineEnd=cr oddities=null_choices",
    "done=false",
    "done=false abruptEnd=true",
    "usage=never",
    "reasoning=3",
    "body=json",
    "body=json contentType=text/event-stream",
    "contentType=application/json",
    "contentType=text/html",
  ])("is the same with %s", async (how) => {
    const outcome = await outcomeOf(model().stream(ask(`{{tokens=5 ${how}}}`), never));
    expect(outcome).toEqual({ text: words(5), last: end, error: undefined });
  });

  test("has no broken characters, however they are sent", async () => {
    const request = ask("{{text=a😀漢字😀 splitSurrogates=true cut=2}}");
    expect((await outcomeOf(model().stream(request, never))).text).toBe("a😀漢字😀");
  });

  test("leaves its connection to the next one", async () => {
    const before = server.connections;
    for (let i = 0; i < 5; i++) {
      await outcomeOf(model().stream(ask("{{tokens=3}}"), never));
      await server.until(() => server.openStreams === 0);
    }
    expect(server.connections - before).toBe(1);
  });

  test("comes over a new connection where the server has closed the idle one", async () => {
    for (let i = 0; i < 5; i++) {
      const outcome = await outcomeOf(model().stream(ask("{{tokens=3}}"), never));
      expect(outcome.text).toBe(words(3));
      server.closeIdleConnections();
    }
  });

  test("that is too long ends there, and the server is told to stop", async () => {
    const request = ask("{{tokens=100000 rate=5000}}");
    const outcome = await outcomeOf(model({ maxAnswerLength: 20 }).stream(request, never));
    expect(outcome.text).toHaveLength(20);
    expect(outcome.last).toEqual({ type: "end", finishReason: "length" });
    await server.until(() => server.requests.at(-1)?.ending?.how === "client_left");
  });

  test("that is finished but whose body never ends is whole", async () => {
    const listener = Bun.serve({
      port: 0,
      fetch: () =>
        new Response(
          new ReadableStream({
            start(controller) {
              const chunk = '{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}';
              controller.enqueue(new TextEncoder().encode(`data: ${chunk}\n\n`));
            },
          }),
        ),
    });
    const patient = model({ nextTokenMs: 50 }, listener.url.href);
    const outcome = await outcomeOf(patient.stream(ask("?"), never));
    expect(outcome).toEqual({ text: "a", last: end, error: undefined });
    await listener.stop(true);
  });
});

describe("a strict server", () => {
  test("gets less until it is content, and from then on at once", async () => {
    const strict = "{{tokens=1 rejects=stream_options,max_tokens,temperature,user}}";
    const request = ask(strict, { temperature: 0.5, maxTokens: 9, user: "u" });
    const asking = model();
    const before = server.requests.length;
    expect((await outcomeOf(asking.stream(request, never))).text).toBe("word0");
    expect(server.requests.length - before).toBe(5);
    expect((await outcomeOf(asking.stream(request, never))).text).toBe("word0");
    expect(server.requests.length - before).toBe(6);
    expect(server.requests.at(-1)!.body).toEqual({
      model: "m",
      messages: [{ role: "user", content: strict }],
      stream: true,
      max_completion_tokens: 9,
    });
  });
});

describe("an error", () => {
  test.each([
    ["status=400", "model_rejected", false],
    ["status=404", "model_rejected", false],
    ["status=307", "model_rejected", false],
    ["status=429", "model_rate_limited", true],
    ["status=500", "model_unreachable", true],
    ["status=502 body=html", "model_unreachable", true],
    ["status=504", "model_timeout", true],
    ["body=html", "model_protocol", true],
    ["body=garbage", "model_protocol", true],
    ["body=endless_line", "model_protocol", true],
    ["body=empty", "model_interrupted", true],
    ["fault=reset", "model_interrupted", true],
    ["fault=error status=429", "model_rate_limited", true],
  ] as const)("for %s is %s, worth a retry: %p", async (how, code, retryable) => {
    const error = await errorOf(model().stream(ask(`{{${how}}}`), never));
    expect([error.code, error.retryable]).toEqual([code, retryable]);
  });

  test.each(["close", "reset", "end", "error"])(
    "after some tokens (%s) keeps them",
    async (fault) => {
      const { text, error } = await outcomeOf(
        model().stream(ask(`{{after=3 fault=${fault}}}`), never),
      );
      expect(text).toBe(words(3));
      expect((error as ModelError).code).toBe("model_interrupted");
    },
  );

  test("says when to come back", async () => {
    const error = await errorOf(model().stream(ask("{{status=429 retryAfter=12}}"), never));
    expect(error.retryAfterMs).toBe(12_000);
  });

  test("for a wrong key shows nothing of it", async () => {
    const error = await errorOf(model({}, server.url, "sk-test-wrong").stream(ask("?"), never));
    expect(error.code).toBe("model_rejected");
    expect(String((error.cause as Error).message)).not.toContain("sk-test-wrong");
  });

  test("for a redirect does not take our key there", async () => {
    let visits = 0;
    const elsewhere = Bun.serve({
      port: 0,
      fetch() {
        visits++;
        return new Response("[]");
      },
    });
    const door = Bun.serve({
      port: 0,
      fetch: () => Response.redirect(elsewhere.url.href, 307),
    });
    const error = await errorOf(model({}, door.url.href).stream(ask("?"), never));
    expect(error.code).toBe("model_rejected");
    expect(visits).toBe(0);
    await door.stop(true);
    await elsewhere.stop(true);
  });

  test("where nobody listens is that the server cannot be reached", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect((await errorOf(model({}, url).stream(ask("?"), never))).code).toBe("model_unreachable");
  });

  test("where the connection closes before an answer is that too", async () => {
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    const url = `http://127.0.0.1:${listener.port}`;
    expect((await errorOf(model({}, url).stream(ask("?"), never))).code).toBe("model_unreachable");
    listener.stop(true);
  });
});

describe("a time limit", () => {
  test.each([
    ["headersDelayMs=60000", { firstTokenMs: 50 }, "", "too long to begin"],
    ["firstTokenDelayMs=60000", { firstTokenMs: 50 }, "", "too long to begin"],
    ["body=endless_comments", { firstTokenMs: 50 }, "", "too long to begin"],
    ["fault=stall after=2", { nextTokenMs: 50 }, words(2), "stopped answering"],
    ["tokens=10000 rate=100", { wholeMs: 100 }, undefined, "the whole answer"],
  ])("ends %s", async (how, limit, text, message) => {
    const outcome = await outcomeOf(model(limit).stream(ask(`{{${how}}}`), never));
    expect((outcome.error as ModelError).code).toBe("model_timeout");
    expect((outcome.error as ModelError).message).toContain(message);
    if (text !== undefined) expect(outcome.text).toBe(text);
    await server.until(() => server.openStreams === 0);
  });

  test("for the first token is met by reasoning, for the next by each piece of it", async () => {
    const thinking = model({ firstTokenMs: 700, nextTokenMs: 700 });
    const outcome = await outcomeOf(
      thinking.stream(ask("{{reasoning=100 rate=100 tokens=2}}"), never),
    );
    expect(outcome.text).toBe(words(2));
  });
});

describe("aborting", () => {
  test.each(["headersDelayMs=60000", "firstTokenDelayMs=60000", "rate=20 tokens=1000"])(
    "with %s closes the connection at once and throws the reason",
    async (how) => {
      const abort = new AbortController();
      const outcome = outcomeOf(model().stream(ask(`{{${how}}}`), abort.signal));
      const before = server.requests.length;
      await server.until(() => server.requests.length > before);
      const request = server.requests.at(-1)!;
      const abortedMs = performance.now();
      abort.abort("enough");
      expect((await outcome).error).toBe("enough");
      await server.until(() => request.ending !== undefined);
      expect(request.ending!.how).toBe("client_left");
      // It takes 1 ms on a quiet machine; the bound is for a busy one.
      expect(request.ending!.atMs - abortedMs).toBeLessThan(5000);
    },
  );

  test("before it begins asks nobody", async () => {
    const before = server.requests.length;
    const outcome = await outcomeOf(model().stream(ask("?"), AbortSignal.abort("no")));
    expect(outcome.error).toBe("no");
    expect(server.requests.length).toBe(before);
  });

  test("by leaving the loop closes the connection too", async () => {
    for await (const event of model().stream(ask("{{rate=50 tokens=1000}}"), never)) {
      if (event.type === "delta") break;
    }
    await server.until(() => server.requests.at(-1)?.ending?.how === "client_left");
  });

  test("leaves no listener on a signal that lives on", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    for (const how of ["tokens=2", "status=500", "fault=reset after=1"]) {
      await outcomeOf(model().stream(ask(`{{${how}}}`), signal));
    }
    expect(listeners).toBe(0);
  });

  test("hundreds at once leaves no connection behind", async () => {
    const abort = new AbortController();
    const streams = Array.from({ length: 200 }, () =>
      outcomeOf(model().stream(ask("{{rate=20 tokens=1000}}"), abort.signal)),
    );
    await server.until(() => server.openStreams === 200);
    abort.abort("enough");
    for (const { error } of await Promise.all(streams)) expect(error).toBe("enough");
    await server.until(() => server.openStreams === 0);
  });
});
