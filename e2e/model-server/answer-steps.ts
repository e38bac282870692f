import { beginningOf, type ChatRequest } from "./chat-request.ts";
import type { Scenario } from "./scenario.ts";

/** What to do next while answering. `ms` counts from when the request was taken. */
export type Step =
  | { type: "head"; text: string }
  | { type: "event"; text: string; isToken: boolean }
  | { type: "bytes"; bytes: Uint8Array }
  | { type: "waitUntil"; ms: number }
  /** Lets others in, so that a body without an end can be left. */
  | { type: "breathe" }
  | { type: "stall" }
  | { type: "close" }
  | { type: "reset" }
  | { type: "end" };

const promptTokens = 7;

/** The body of an answer that streams, step by step, as lazily as it is sent. */
export function* answerSteps(scenario: Scenario, request: ChatRequest): Generator<Step> {
  if (scenario.body !== "sse") {
    yield* strangeBody(scenario, request);
    return;
  }
  const line = { lf: "\n", crlf: "\r\n", cr: "\r" }[scenario.lineEnd];
  const head = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":${JSON.stringify(request.model)},"choices":`;
  const event = (data: string, isToken = false): Step => ({
    type: "event",
    text: `data: ${data}${line}${line}`,
    isToken,
  });
  const delta = (fields: string, isToken = false) =>
    event(`${head}[{"index":0,"delta":{${fields}},"finish_reason":null}]}`, isToken);

  yield delta(`"role":"assistant","content":""`);
  yield { type: "waitUntil", ms: scenario.firstTokenDelayMs };

  const pieces = answerPieces(scenario, beginningOf(request));
  let sent = 0;
  for (let i = 0; i < scenario.reasoning; i++) {
    yield delta(`"reasoning_content":"hm "`, true);
    yield* pace(scenario, ++sent);
  }
  for (const [i, piece] of pieces.entries()) {
    if (scenario.fault !== "none" && i === scenario.after) break;
    if (scenario.comments)
      yield { type: "event", text: `: KEEP-ALIVE${line}${line}`, isToken: false };
    if (scenario.oddities === "null_choices") {
      yield event(`${head}null}`);
      yield event(`${head}[]}`);
      yield event(`${head}[{"index":0,"delta":null,"finish_reason":null}]}`);
      yield event(`${head}[{"index":0,"delta":{"content":null}}]}`);
    }
    const text = scenario.stamp
      ? `@${(performance.timeOrigin + performance.now()).toFixed(3)} `
      : piece;
    for (const part of scenario.splitSurrogates ? halves(text) : [text]) {
      yield delta(`"content":${JSON.stringify(part)}`, true);
    }
    yield* pace(scenario, ++sent);
  }
  if (scenario.fault !== "none") {
    yield* fault(scenario, line, head);
    return;
  }

  const usage = JSON.stringify(usageOf(request, pieces));
  const endings: Step[] = [];
  if (scenario.finishReason !== "") {
    const reason = JSON.stringify(scenario.finishReason);
    endings.push(event(`${head}[{"index":0,"delta":{},"finish_reason":${reason}}]}`));
  }
  if (scenario.usage === "always" || (scenario.usage === "asked" && request.includeUsage)) {
    endings.push(event(`${head}[],"usage":${usage}}`));
  }
  if (scenario.done) endings.push(event("[DONE]"));
  const last = endings.at(-1);
  if (scenario.abruptEnd && last?.type === "event") last.text = last.text.trimEnd();
  yield* endings;
  yield { type: "end" };
}

/**
 * The answer, as the pieces that are sent one by one: all of it, or what it has beyond a beginning
 * that the request brought.
 */
function answerPieces(scenario: Scenario, beginning = ""): string[] {
  const whole = wholePieces(scenario);
  if (beginning === "" || scenario.continues === "never") return whole;
  const text = whole.join("");
  if (!text.startsWith(beginning)) return ["?"];
  const rest = piecesOf(text.slice(beginning.length));
  return scenario.continues === "prefix_repeated" ? [...piecesOf(beginning), ...rest] : rest;
}

function usageOf(request: ChatRequest, pieces: readonly string[]) {
  const asked = promptTokens + piecesOf(beginningOf(request) ?? "").length;
  return {
    prompt_tokens: asked,
    completion_tokens: pieces.length,
    total_tokens: asked + pieces.length,
  };
}

function wholePieces(scenario: Scenario): string[] {
  if (scenario.text !== "") return piecesOf(scenario.text);
  return Array.from({ length: scenario.tokens }, (_, i) => (i === 0 ? "word0" : ` word${i}`));
}

function piecesOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/gu) ?? [];
}

/** The answer for clients that did not ask for a stream. */
export function wholeAnswer(scenario: Scenario, request: ChatRequest): string {
  const pieces = answerPieces(scenario, beginningOf(request));
  return JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: request.model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: pieces.join("") },
        finish_reason: scenario.finishReason || null,
      },
    ],
    usage: usageOf(request, pieces),
  });
}

function* pace({ rate, firstTokenDelayMs }: Scenario, sent: number): Generator<Step> {
  if (rate > 0) yield { type: "waitUntil", ms: firstTokenDelayMs + (sent * 1000) / rate };
}

function* fault(scenario: Scenario, line: string, head: string): Generator<Step> {
  if (scenario.fault === "error") {
    const message = scenario.errorMessage || "the engine is gone";
    yield { type: "event", text: errorEvent(scenario, message, line, head), isToken: false };
    yield { type: "event", text: `data: [DONE]${line}${line}`, isToken: false };
    yield { type: "end" };
  } else if (scenario.fault !== "none") yield { type: scenario.fault };
}

function errorEvent(scenario: Scenario, message: string, line: string, head: string): string {
  const status = scenario.status === 200 ? 500 : scenario.status;
  const error = { message, type: "server_error", param: null, code: status };
  switch (scenario.errorShape) {
    case "openai":
      return `data: ${JSON.stringify({ error })}${line}${line}`;
    case "vllm":
      return `data: ${JSON.stringify({ object: "error", ...error })}${line}${line}`;
    case "ollama":
      return `data: ${JSON.stringify({ error: message })}${line}${line}`;
    case "openrouter":
      return `data: ${head}[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":${JSON.stringify({ code: status, message })}}${line}${line}`;
    case "llama_field":
      return `error: ${JSON.stringify(error)}${line}${line}`;
    case "event_error":
      return `event: error${line}data: ${JSON.stringify({ message, code: status })}${line}${line}`;
  }
}

function* strangeBody(scenario: Scenario, request: ChatRequest): Generator<Step> {
  const text = (content: string): Step => ({ type: "event", text: content, isToken: false });
  if (scenario.body === "json") yield text(wholeAnswer(scenario, request));
  else if (scenario.body === "html") {
    yield text("<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>");
  } else if (scenario.body === "garbage") {
    for (let i = 0; i < scenario.tokens; i++) yield { type: "bytes", bytes: noise(4096, i + 1) };
  } else if (scenario.body === "endless_line") {
    yield text("data: ");
    const block = new Uint8Array(64 * 1024).fill(120);
    for (;;) {
      yield { type: "bytes", bytes: block };
      yield { type: "breathe" };
    }
  } else if (scenario.body === "endless_comments") {
    for (let i = 1; ; i++) {
      yield text(": still here\n\n");
      yield { type: "waitUntil", ms: i * 5 };
    }
  }
  yield { type: "end" };
}

/** Bytes that look random and are the same each time. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed * 2_654_435_761 + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

function halves(text: string): string[] {
  return text.split(/(?<=[\uD800-\uDBFF])(?=[\uDC00-\uDFFF])/);
}
