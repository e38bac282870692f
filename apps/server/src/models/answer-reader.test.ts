import { describe, expect, test } from "bun:test";
import { AnswerReader } from "./answer-reader.ts";
import type { ModelEvent } from "./model.ts";

const finished = '{"choices":[{"delta":{},"finish_reason":"stop"}]}';

function says(content: unknown): string {
  return JSON.stringify({ choices: [{ index: 0, delta: { content } }] });
}

function sse(...data: string[]): string {
  return data.map((line) => `data: ${line}\n\n`).join("");
}

function read(
  body: string,
  maxLength = 1000,
): { events: ModelEvent[]; failure: string | undefined } {
  const reader = new AnswerReader(maxLength, { model: "m", apiKey: "secret" });
  const events = [...reader.push(Buffer.from(body)), ...reader.end()];
  return { events, failure: reader.failure && `${reader.failure.code}: ${reader.failure.message}` };
}

const delta = (text: string): ModelEvent => ({ type: "delta", text });
const end = (
  finishReason: "stop" | "length" | "content_filter" | "other" = "stop",
): ModelEvent => ({
  type: "end",
  finishReason,
});

describe("ends", () => {
  test("with [DONE], and takes nothing after it", () => {
    expect(read(sse(says("a"), finished, "[DONE]", says("b")))).toEqual({
      events: [delta("a"), end()],
      failure: undefined,
    });
  });

  test("with the body after a finish reason", () => {
    expect(read(sse(says("a"), finished)).events).toEqual([delta("a"), end()]);
  });

  test("with a last event that lacks its empty line", () => {
    expect(read(sse(says("a"), finished).trimEnd()).events).toEqual([delta("a"), end()]);
  });

  test("with [DONE] alone, where there was an answer", () => {
    expect(read(sse(says("a"), "[DONE]")).events).toEqual([delta("a"), end("other")]);
  });

  test("as an interruption, where the body is over too early", () => {
    const { events, failure } = read(sse(says("a")));
    expect(events).toEqual([delta("a")]);
    expect(failure).toBe(
      "model_interrupted: The model server stopped in the middle of its answer.",
    );
  });

  test("as an interruption, where the last event is cut in two", () => {
    const { events, failure } = read(sse(says("a"), finished).slice(0, -20));
    expect(events).toEqual([delta("a")]);
    expect(failure).toStartWith("model_interrupted: ");
  });

  test("as a failure, where [DONE] is all there is", () => {
    expect(read(sse("[DONE]")).failure).toStartWith("model_interrupted: ");
  });

  test.each([
    ["length", "length"],
    ["content_filter", "content_filter"],
    ["tool_calls", "other"],
  ] as const)("for the reason %s as %s", (given, expected) => {
    const last = `{"choices":[{"delta":{},"finish_reason":"${given}"}]}`;
    expect(read(sse(says("a"), last)).events.at(-1)).toEqual(end(expected));
  });
});

describe("text", () => {
  test("joins halves of a pair across deltas, and mends a half that stays alone", () => {
    expect(read(sse(says("a\ud83d"), says("\ude00"), says("b\ud83d"), finished)).events).toEqual([
      delta("a"),
      delta("😀"),
      delta("b"),
      delta("\ufffd"),
      end(),
    ]);
  });

  test("beyond the limit is cut off, and the answer ends for its length", () => {
    expect(read(sse(says("abc"), says("d😀f"), says("g"), finished), 5).events).toEqual([
      delta("abc"),
      delta("d"),
      end("length"),
    ]);
  });

  test("may come as a list of parts", () => {
    const parts = [
      { type: "thinking", thinking: "hm" },
      { type: "text", text: "a" },
    ];
    expect(read(sse(says(parts), finished)).events).toEqual([delta("a"), end()]);
  });

  test("of reasoning is not the answer, but a sign of life", () => {
    const reader = new AnswerReader(1000, { model: "m", apiKey: undefined });
    const hm = '{"choices":[{"delta":{"content":"","reasoning_content":"hm"}}]}';
    expect(reader.push(Buffer.from(sse('{"choices":[{"delta":{"role":"assistant"}}]}')))).toEqual(
      [],
    );
    expect(reader.tokens).toBe(0);
    expect(reader.push(Buffer.from(sse(hm)))).toEqual([]);
    expect(reader.tokens).toBe(1);
  });
});

test("the last usage counts, and comes once, before the end", () => {
  const usage = (n: number) =>
    `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":${n}}}`;
  expect(read(sse(usage(1), says("a"), usage(2), finished, "[DONE]")).events).toEqual([
    delta("a"),
    { type: "usage", promptTokens: 7, completionTokens: 2 },
    end(),
  ]);
});

test("a usage that is no usage is left out", () => {
  const usage = '{"choices":[],"usage":{"prompt_tokens":"7","completion_tokens":-1}}';
  expect(read(sse(says("a"), usage, finished)).events).toEqual([delta("a"), end()]);
});

describe("an error object in the stream keeps what came before it", () => {
  test.each([
    ["OpenAI, llama.cpp", 'data: {"error":{"message":"boom","code":500}}'],
    ["older vLLM", 'data: {"object":"error","message":"boom","code":500}'],
    ["Ollama", 'data: {"error":"boom"}'],
    [
      "OpenRouter",
      'data: {"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"boom"}}',
    ],
    ["an event of type error", 'event: error\ndata: {"message":"boom"}'],
    ["older llama.cpp", 'error: {"message":"boom","code":500}\n\ndata: [DONE]'],
  ])("%s", (_name, event) => {
    const { events, failure } = read(`${sse(says("a"))}${event}\n\n`);
    expect(events).toEqual([delta("a")]);
    expect(failure).toBe("model_interrupted: The model server failed while it was answering.");
  });

  test("and says what to change where the request is at fault", () => {
    const error =
      '{"error":{"code":400,"message":"the request exceeds the available context size"}}';
    expect(read(sse(error)).failure).toBe(
      "model_rejected: The model server rejected the request (HTTP 400): the request exceeds the available context size",
    );
  });

  test("unless the answer only speaks of one", () => {
    expect(read(`${sse(says("error: {}"), "[DONE]")}`).events).toEqual([
      delta("error: {}"),
      end("other"),
    ]);
  });
});

describe("a body that is no stream", () => {
  test("but a whole answer in JSON is taken", () => {
    const body = JSON.stringify({
      choices: [{ message: { role: "assistant", content: "whole" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    });
    expect(read(`\n  ${body}`).events).toEqual([
      delta("whole"),
      { type: "usage", promptTokens: 1, completionTokens: 2 },
      end(),
    ]);
  });

  test.each([
    ["JSON that is no answer", '{"hello":"world"}', "sent JSON that is not an answer"],
    ["JSON cut short", '{"choices":[{"message"', "sent something that is not JSON"],
    ["a web page", "<!DOCTYPE html><html>", "sent a web page"],
    ["words", "Not today", "sent something that is not an answer"],
    ["an event that is not JSON", "data: nothing\n\n", "sent something that is not JSON"],
  ])("%s is refused", (_name, body, message) => {
    const { events, failure } = read(body);
    expect(events).toEqual([]);
    expect(failure).toStartWith(`model_protocol: The model server ${message}`);
  });

  test("an error in JSON is that error", () => {
    expect(read('{"error":{"message":"slow down","code":429}}').failure).toStartWith(
      "model_rate_limited: ",
    );
  });
});

describe("bounds", () => {
  const block = Buffer.alloc(64 * 1024, "x");

  test.each(["data: ", "{", ": "])("a line after %p that never ends is refused", (beginning) => {
    const reader = new AnswerReader(1000, { model: "m", apiKey: undefined });
    reader.push(Buffer.from(beginning));
    let pushed = 0;
    while (!reader.failure && pushed < 100) {
      reader.push(block);
      pushed++;
    }
    expect(reader.failure?.code).toBe("model_protocol");
    expect(pushed).toBeLessThan(4);
  });
});
