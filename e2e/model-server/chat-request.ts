type ChatMessage = { role: string; content: string; prefix?: boolean };

/** The parts of a chat completion request that the model server looks at. */
export type ChatRequest = {
  model: string;
  messages: ChatMessage[];
  stream: boolean;
  includeUsage: boolean;
  /** The body as it came. */
  body: Record<string, unknown>;
};

/** What was asked: the last message that is not the assistant's. */
export function questionOf({ messages }: ChatRequest): string {
  return String(messages.findLast(({ role }) => role !== "assistant")?.content);
}

/** The beginning of the answer that is to be gone on with; undefined where there is none. */
export function beginningOf({ messages }: ChatRequest): string | undefined {
  const last = messages.at(-1);
  return last?.role === "assistant" ? last.content : undefined;
}

/** How the request asks to go on with it. */
export function wayAsked({ messages, body }: ChatRequest): string {
  if (body.continue_final_message === true && body.add_generation_prompt === false) {
    return "continue_final_message";
  }
  return messages.at(-1)?.prefix === true ? "prefix" : "assistant";
}

/** @throws Error for what no real server would take */
export function readChatRequest(text: string): ChatRequest {
  const body = JSON.parse(text) as Record<string, unknown>;
  const { model, messages, stream, stream_options: streamOptions } = body;
  if (typeof model !== "string") throw new Error("there is no model in the request");
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new Error("there are no messages in the request");
  }
  const includeUsage = (streamOptions as { include_usage?: unknown } | undefined)?.include_usage;
  return { model, messages, stream: stream === true, includeUsage: includeUsage === true, body };
}
