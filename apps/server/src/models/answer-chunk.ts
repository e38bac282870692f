import type { FinishReason, ModelEvent } from "./model.ts";

/** What one chunk of a chat completion, or a whole one, says. */
export type AnswerChunk = {
  text: string;
  /** The model thinks aloud or calls a tool: no text of the answer, but it is alive. */
  isThinking: boolean;
  finishReason: FinishReason | undefined;
  usage: Extract<ModelEvent, { type: "usage" }> | undefined;
};

type Json = Record<string, unknown>;

/**
 * Reads a `chat.completion.chunk`, or a `chat.completion` of a server that does not stream. Takes
 * everything as possibly missing, null or of another type, since each server leaves out something
 * else: `choices: []` beside the usage, `choices: null`, `delta: null`, `content: null`.
 */
export function readAnswerChunk(chunk: Json): AnswerChunk {
  const choice = object(Array.isArray(chunk.choices) ? chunk.choices[0] : undefined);
  const delta = object(choice?.delta ?? choice?.message);
  const text = delta ? contentText(delta.content) || string(delta.refusal) : "";
  return {
    text,
    isThinking: delta !== undefined && text === "" && isThinking(delta),
    finishReason: finishReason(choice?.finish_reason),
    usage: usage(object(chunk.usage)),
  };
}

/** A text, or a list of parts (Mistral), of which only those of type "text" are the answer. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  let text = "";
  for (const part of content) {
    if (object(part)?.type === "text") text += string(object(part)?.text);
  }
  return text;
}

function isThinking(delta: Json): boolean {
  return (
    string(delta.reasoning_content) !== "" ||
    string(delta.reasoning) !== "" ||
    (Array.isArray(delta.content) && delta.content.length > 0) ||
    (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0)
  );
}

function finishReason(value: unknown): FinishReason | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  if (value === "stop" || value === "length" || value === "content_filter") return value;
  return "other";
}

function usage(value: Json | undefined): AnswerChunk["usage"] {
  const promptTokens = count(value?.prompt_tokens);
  const completionTokens = count(value?.completion_tokens);
  if (promptTokens === undefined || completionTokens === undefined) return undefined;
  return { type: "usage", promptTokens, completionTokens };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function object(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null ? (value as Json) : undefined;
}
