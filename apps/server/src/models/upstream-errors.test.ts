import { describe, expect, test } from "bun:test";
import { errorForStatus } from "./upstream-errors.ts";

const context = { model: "llama", apiKey: "sk-live-abcdefgh" };

function errorFor(status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return errorForStatus(status, new Headers(headers), text, context);
}

test.each([
  ["OpenAI", { error: { message: "too long" } }],
  ["older vLLM", { object: "error", message: "too long" }],
  ["Ollama", { error: "too long" }],
  ["FastAPI", { detail: "too long" }],
  ["FastAPI, validating", { detail: [{ loc: ["body"], msg: "too long" }] }],
  ["others", { message: "too long" }],
])("what the server says reaches the person, as %s says it", (_name, body) => {
  expect(errorFor(400, body).message).toBe(
    "The model server rejected the request (HTTP 400): too long",
  );
});

test.each(["", "<html>", "null", "[]", '{"error":null}', '{"detail":[null]}', '"x"'])(
  "a body that says nothing (%p) is no trouble",
  (body) => {
    expect(errorFor(422, body).message).toBe("The model server rejected the request (HTTP 422).");
  },
);

test("an account without credit is not worth a retry, whatever the status", () => {
  const error = errorFor(429, { error: { message: "pay", code: "insufficient_quota" } });
  expect([error.code, error.retryable]).toEqual(["model_rejected", false]);
});

test("only what the request is at fault for is not worth another server", () => {
  expect(errorFor(400, "").isServerAtFault).toBe(false);
  for (const status of [401, 404, 429, 500]) {
    expect(errorFor(status, "").isServerAtFault).toBe(true);
  }
});

test("an overloaded server that says when to come back is a limit of its rate", () => {
  expect(errorFor(503, "", { "retry-after": "5" }).code).toBe("model_rate_limited");
  expect(errorFor(503, "").code).toBe("model_unreachable");
});

describe("nothing from inside reaches the person", () => {
  test.each([
    "see https://inner.example/v1/chat?key=1",
    "cannot connect to 10.0.0.7:8000",
    "upstream gpu-7.cluster.local:8000 is down",
    "in /srv/models/llama.gguf",
    "in C:\\models\\llama.gguf",
    "Incorrect API key provided: sk-live-abcdefgh",
    "Incorrect API key provided: sk-l***efgh",
    "Authorization: Bearer abcdef",
    `token ${"a1".repeat(20)}`,
    'too long\nTraceback (most recent call last):\n  File "/app/x.py", line 3',
  ])("%p", (message) => {
    const shown = errorFor(400, { error: { message } }).message;
    expect(shown).not.toMatch(/example|10\.0|gpu-7|llama\.gguf|sk-l|abcdef|a1a1|Traceback|x\.py/);
    expect(shown).not.toMatch(/[\n\r]/);
  });

  test("nor our key, where it looks like a word", () => {
    const body = JSON.stringify({ error: "hunter2 is no key" });
    const error = errorForStatus(400, new Headers(), body, { model: "m", apiKey: "hunter2" });
    expect(error.message).not.toContain("hunter2");
  });

  test("and not more than a line of it", () => {
    const shown = errorFor(400, { error: { message: "no ".repeat(5000) } }).message;
    expect(shown.length).toBeLessThan(270);
  });

  test("but the cause says it, without the key", () => {
    const cause = errorFor(500, "engine at http://10.0.0.7 refused sk-live-abcdefgh")
      .cause as Error;
    expect(cause.message).toContain("http://10.0.0.7");
    expect(cause.message).not.toContain("sk-live");
  });
});
