import { errorTable } from "@peregrine/protocol";
import { ModelError, type ModelErrorCode } from "../../../models/model-error.ts";
import { LeaderLost } from "../relay.ts";
import type { Outcome } from "../shared-stream.ts";

/**
 * What one entry of an answer's Redis stream says: the text from offset `at` on, and perhaps how the
 * answer ended. Entries may overlap, so that one can be sent again, and a late reader can be given
 * the whole as one.
 */
export type AnswerEntry = { at: number; text: string; last?: Last | undefined };

type Last =
  | { type: "end"; end: Extract<Outcome, { end: unknown }>["end"] }
  | { type: "error"; code: ModelErrorCode; message: string; retryable: boolean }
  /** The leader stops, and the answer with it. */
  | { type: "lost" };

export function lastOf(outcome: Outcome | undefined): Last {
  if (!outcome) return { type: "lost" };
  if ("end" in outcome) return { type: "end", end: outcome.end };
  const { error } = outcome;
  if (error instanceof ModelError) {
    return { type: "error", code: error.code, message: error.message, retryable: error.retryable };
  }
  return { type: "lost" };
}

export function outcomeOf(last: Last): Outcome {
  if (last.type === "end") return { end: last.end };
  if (last.type === "lost") return { error: new LeaderLost("the leading server gave up") };
  const { code, message, retryable } = last;
  return { error: new ModelError(code, message, { retryable }) };
}

/** @throws Error for what no version of ours writes */
export function parseEntry(json: string | undefined): AnswerEntry {
  const entry = JSON.parse(json ?? "") as AnswerEntry;
  const { last } = entry;
  const isKnown =
    Number.isSafeInteger(entry.at) &&
    typeof entry.text === "string" &&
    (last === undefined ||
      last.type === "lost" ||
      (last.type === "end" && typeof last.end?.finishReason === "string") ||
      (last.type === "error" && last.code in errorTable && typeof last.message === "string"));
  if (!isKnown) throw new Error(`an entry of an answer is ${json?.slice(0, 200)}`);
  return entry;
}
