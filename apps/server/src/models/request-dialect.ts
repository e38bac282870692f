import { type Continuation, continuedBody } from "./continue-with.ts";
import type { ModelRequest } from "./model.ts";

/** Which optional parts of a request a server understands for a model. */
export type Dialect = {
  readonly streamOptions: boolean;
  readonly temperature: boolean;
  readonly user: boolean;
  readonly maxTokens: "max_tokens" | "max_completion_tokens";
};

export const fullDialect: Dialect = {
  streamOptions: true,
  temperature: true,
  user: true,
  maxTokens: "max_tokens",
};

/** The body of `POST /chat/completions`. */
export function requestBody(
  request: ModelRequest,
  dialect: Dialect,
  continuation: Continuation | undefined,
): string {
  return JSON.stringify({
    model: request.model,
    ...continuedBody(request.messages, continuation),
    stream: true,
    stream_options: dialect.streamOptions ? { include_usage: true } : undefined,
    temperature: dialect.temperature ? request.temperature : undefined,
    [dialect.maxTokens]: request.maxTokens,
    user: dialect.user ? request.user : undefined,
  });
}

/**
 * Servers that are strict about what they do not know answer 400 or 422 and name the part: older
 * ones `stream_options`, OpenAI's reasoning models `max_tokens` and `temperature`.
 *
 * @returns what to try next; undefined where the refusal is about something else
 */
export function simplerDialect(
  dialect: Dialect,
  request: ModelRequest,
  status: number,
  body: string,
): Dialect | undefined {
  if (status !== 400 && status !== 422) return undefined;
  if (dialect.streamOptions && body.includes("stream_options")) {
    return { ...dialect, streamOptions: false };
  }
  if (request.maxTokens !== undefined && dialect.maxTokens === "max_tokens") {
    if (body.includes("max_completion_tokens")) {
      return { ...dialect, maxTokens: "max_completion_tokens" };
    }
  }
  if (request.temperature !== undefined && dialect.temperature && body.includes("temperature")) {
    return { ...dialect, temperature: false };
  }
  if (request.user !== undefined && dialect.user && /["'`]user["'`]/.test(body)) {
    // A complaint about the role of a message names "user" too, but simply comes again.
    return { ...dialect, user: false };
  }
  return undefined;
}
