import { demonstrationAnswer } from "./demonstration-answers.ts";
import type { ModelEvent, ModelRequest } from "./model.ts";
import type { ModelServers } from "./model-servers.ts";
import { Telling } from "./telling.ts";
import { titleInstructions } from "./title-prompt.ts";
import { estimateTokens } from "./token-estimate.ts";

const modelId = "demonstration";

type Options = {
  /** As fast as can be with Infinity. */
  tokensPerSecond?: number;
};

/**
 * Answers where no model server is set, so that a newcomer sees the application work before
 * connecting anything. Says in each answer that it is a demonstration. The same history gets the
 * same answer, at the pace of a model.
 */
export function demonstrationModel({ tokensPerSecond = 80 }: Options = {}): ModelServers {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const telling = new Telling(request);
    try {
      for await (const event of answer(request, signal)) yield telling.event(event);
    } catch (error) {
      telling.failed(error);
      throw error;
    } finally {
      telling.over();
    }
  }

  async function* answer(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const text = answerTo(request);
    const startedMs = performance.now();
    let completionTokens = 0;
    for (const token of text.match(/\s*[^\s]{1,7}|\s+$/gu) ?? []) {
      await sleep(
        startedMs + (completionTokens * 1000) / tokensPerSecond - performance.now(),
        signal,
      );
      signal.throwIfAborted();
      completionTokens++;
      yield { type: "delta", text: token };
    }
    const prompt = request.messages.map((message) => message.content).join("\n");
    yield { type: "usage", promptTokens: estimateTokens(prompt), completionTokens };
    yield { type: "end", finishReason: "stop" };
  }

  return {
    stream,
    list: async () => [{ id: modelId }],
    defaultModel: async () => modelId,
    queued: 0,
    pool: undefined,
    close() {},
  };
}

function answerTo({ messages }: ModelRequest): string {
  if (messages[0]?.content === titleInstructions) return titleFor(messages.at(-1)?.content ?? "");
  return demonstrationAnswer(messages.filter((message) => message.role !== "system"));
}

/** The first words of the question, which is what follows the first line of a request for a title. */
function titleFor(conversation: string): string {
  const question = conversation.replace(/^Question:\s*/, "").split("\n", 1)[0] ?? "";
  const words = question
    .replace(/[?!.…]+$/, "")
    .trim()
    .split(/\s+/)
    .slice(0, 6);
  const title = words.join(" ").slice(0, 60).toWellFormed();
  return title === "" ? "Demonstration" : title.charAt(0).toUpperCase() + title.slice(1);
}

/** Waits, at most until `signal` aborts; leaves no timer and no listener behind. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake, { once: true });
  });
}
