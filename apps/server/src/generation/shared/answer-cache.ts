import type { Usage } from "@peregrine/protocol";
import type { RequestKey } from "./request-key.ts";

/** A whole answer, for as long as it may be given again. */
export type CachedAnswer = { text: string; usage: Usage | null; model: string };

/** Where whole answers are kept. */
export type AnswerCache = {
  get(key: RequestKey): Promise<CachedAnswer | undefined>;
  set(key: RequestKey, answer: CachedAnswer): Promise<void>;
};
