import { createHash } from "node:crypto";
import type { ModelRequest } from "../../models/model.ts";

/** What an answer is kept and shared under. The owner stands apart, so that no hash can hide it. */
export type RequestKey = {
  owner: string;
  /** SHA-256 of all that the answer depends on, as base64url. */
  request: string;
};

/**
 * Two requests have one key if, and only if, the same person asks the same model for the same with
 * the same parameters. Who they come from and how urgent they are changes no answer.
 */
export function requestKey(owner: string, request: ModelRequest): RequestKey {
  const { model, temperature, maxTokens, messages } = request;
  const essence = [
    model,
    temperature ?? null,
    maxTokens ?? null,
    messages.map(({ role, content }) => [role, content]),
  ];
  const hash = createHash("sha256").update(JSON.stringify(essence)).digest("base64url");
  return { owner, request: hash };
}

/** The key as one text. A hash has no colon, so that what stands before it is the owner whole. */
export function keyText({ owner, request }: RequestKey): string {
  return `${request}:${owner}`;
}

/** Whether the same request may be given the same answer: the model would, or its user says so. */
export function isRepeatable(
  request: Pick<ModelRequest, "temperature">,
  conversation: { cacheAnswers: boolean },
): boolean {
  return request.temperature === 0 || conversation.cacheAnswers;
}
