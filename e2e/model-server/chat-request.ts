/** The parts of a chat completion request that the model server looks at. */
export type ChatRequest = {
  model: string;
  messages: { role: string; content: string }[];
  stream: boolean;
  includeUsage: boolean;
  /** The body as it came. */
  body: Record<string, unknown>;
};

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
