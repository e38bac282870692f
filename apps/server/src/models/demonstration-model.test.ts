import { describe, expect, test } from "bun:test";
import { demonstrationModel } from "./demonstration-model.ts";
import type { ModelEvent, ModelMessage } from "./model.ts";

const never = new AbortController().signal;
const fast = demonstrationModel({ tokensPerSecond: Number.POSITIVE_INFINITY });

function request(...contents: string[]) {
  const messages = contents.map(
    (content, i): ModelMessage => ({ role: i % 2 === 0 ? "user" : "assistant", content }),
  );
  return { model: "demonstration", messages, priority: "interactive" as const };
}

async function eventsOf(...contents: string[]): Promise<ModelEvent[]> {
  return Array.fromAsync(fast.stream(request(...contents), never));
}

async function answerTo(...contents: string[]): Promise<string> {
  const events = await eventsOf(...contents);
  return events.map((event) => (event.type === "delta" ? event.text : "")).join("");
}

describe("each answer", () => {
  test.each([
    "help",
    "how do I change the port?",
    "which keys are there?",
    "connect ollama",
    "Hello!",
    "Why is the sky blue?",
    "",
    "```",
    "漢字 😀",
  ])("to %p is Markdown with a heading, a list and code, and says what it is", async (question) => {
    const answer = await answerTo(question);
    expect(answer).toMatch(/^## /);
    expect(answer).toMatch(/^(-|1\.|\|) /m);
    expect(answer.match(/^```/gm)!.length % 2).toBe(0);
    expect(answer).toContain("demonstration that is built into Peregrine, not a language model");
    expect(answer.isWellFormed()).toBe(true);
  });

  test("is another for another question, and the same for the same", async () => {
    const questions = ["help", "settings", "keys", "connect", "Hello!", "Why?", "Why not?"];
    const answers = await Promise.all(questions.map((question) => answerTo(question)));
    expect(new Set(answers).size).toBe(questions.length);
    expect(await answerTo("Why?")).toBe(answers[5]!);
  });

  test("ends with usage and end", async () => {
    const events = await eventsOf("help");
    expect(events.at(-2)).toMatchObject({ type: "usage", promptTokens: 1 });
    expect(events.at(-1)).toEqual({ type: "end", finishReason: "stop" });
    expect(events.filter((event) => event.type === "delta").length).toBe(
      (events.at(-2) as { completionTokens: number }).completionTokens,
    );
  });
});

test("says how to connect a real model to whoever asks something real", async () => {
  expect(await answerTo("Why is the sky blue?")).toContain(
    "MODEL_SERVERS=http://127.0.0.1:11434/v1",
  );
});

test("shows that it was sent the history", async () => {
  const answer = await answerTo("first *one*", "a", "second", "b", "third");
  expect(answer).toContain("2 earlier questions and 2 answers");
  expect(answer).toContain("“first \\*one\\*”");
});

test("a question is quoted without its marks, and only its beginning", async () => {
  const answer = await answerTo(`<b># ${"x".repeat(5000)}\n\`\`\`\nmore`);
  expect(answer).toContain("\\<b\\>\\# xxx");
  expect(answer.length).toBeLessThan(2000);
});

test("comes at the pace of a model", async () => {
  const startedMs = performance.now();
  let tokens = 0;
  for await (const event of demonstrationModel({ tokensPerSecond: 200 }).stream(
    request("help"),
    never,
  )) {
    if (event.type === "delta") tokens++;
  }
  const expectedMs = ((tokens - 1) * 1000) / 200;
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(expectedMs - 5);
});

test("stops at once when aborted between two tokens", async () => {
  const abort = new AbortController();
  const slow = demonstrationModel({ tokensPerSecond: 0.01 });
  const events = slow.stream(request("help"), abort.signal)[Symbol.asyncIterator]();
  expect((await events.next()).value).toMatchObject({ type: "delta" });
  const next = events.next();
  abort.abort("enough");
  expect(await next.catch((error: unknown) => error)).toBe("enough");
});
