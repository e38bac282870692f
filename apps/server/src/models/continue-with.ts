/**
 * How a server is asked to go on with an answer that another one began. The answer so far is always
 * the last message, of the role "assistant"; they differ in what has to stand beside it.
 *
 * - `off`: it is not asked.
 * - `assistant`: nothing (llama.cpp, Ollama, OpenRouter).
 * - `continue_final_message`: the field of that name, and no prompt for a new message (vLLM, SGLang,
 *   Text Generation Inference).
 * - `prefix`: a mark on the message (DeepSeek, under `/beta`).
 * - `prefix_repeated`: the same mark, and the server begins with the answer so far (Mistral).
 *
 * Nothing that a server says of itself tells which it is, and one that takes the message for a whole
 * one begins another, so this has to be said.
 */
export const waysToContinue = [
  "off",
  "assistant",
  "continue_final_message",
  "prefix",
  "prefix_repeated",
] as const;

export type WayToContinue = (typeof waysToContinue)[number];

/** A request to go on. */
export type Continuation = {
  way: Exclude<WayToContinue, "off">;
  /** The answer so far; neither empty nor with white space at its end. */
  text: string;
};

type Message = { role: string; content: string; prefix?: true };

/** What a continuation changes in the body of a request. */
export function continuedBody(
  messages: readonly Message[],
  continuation: Continuation | undefined,
): object {
  if (!continuation) return { messages };
  const { way, text } = continuation;
  const last: Message = { role: "assistant", content: text };
  if (way === "prefix" || way === "prefix_repeated") last.prefix = true;
  const body = { messages: [...messages, last] };
  if (way !== "continue_final_message") return body;
  return { ...body, continue_final_message: true, add_generation_prompt: false };
}
