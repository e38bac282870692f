import type { AnswerCache } from "../generation/shared/answer-cache.ts";
import type { AppCache } from "./open-cache.ts";

/** Whole answers of models, as the type `ai_response`. No write makes one old: its key is all it depends on. */
export function answerCache(cache: AppCache): AnswerCache {
  return {
    get: ({ owner, request }) => cache.get("ai_response", { owner, request }),
    set: ({ owner, request }, answer) => cache.set("ai_response", { owner, request }, answer),
  };
}
