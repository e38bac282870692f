import assert from "node:assert/strict";
import type { Advice, OptimiserAction } from "@peregrine/protocol";
import { DatabaseError } from "../errors.ts";
import { buildIndex, seconds } from "./build-index.ts";
import { action, type JobContext, watching } from "./job-context.ts";
import { BlockedTooLongError, runWatched } from "./watched.ts";

/** Follows one piece of advice that can be followed by name. @throws JobCancelledError */
export async function applyAdvice(context: JobContext, advice: Advice): Promise<OptimiserAction> {
  const { sql, undo } = advice;
  assert(advice.applicable && sql, "advice that a person has to follow was to be applied");
  if (advice.kind === "missing_index") {
    const [, quoted = ""] = /^DROP INDEX CONCURRENTLY (.*)$/.exec(undo ?? "") ?? [];
    const [, table = ""] = / ON (.*) USING /.exec(sql) ?? [];
    const name = advice.name.replace(/^create-index\./, "");
    return buildIndex(context, { name, quoted, table, sql, detail: advice.summary, probe: null });
  }
  const step = stepOf(advice.kind);
  try {
    await context.repair();
    const { durationMs } = await runWatched(sql, watching(context, advice.summary));
    const detail = `${advice.summary}: took ${seconds(durationMs)}`;
    return action(step, advice.name, "done", detail, { sql, undo, durationMs });
  } catch (error) {
    if (error instanceof BlockedTooLongError) {
      return action(step, advice.name, "blocked", error.message, { sql });
    }
    if (!(error instanceof DatabaseError)) throw error;
    const outcome = error.code === "not_permitted" ? "not_permitted" : "failed";
    return action(step, advice.name, outcome, error.message, { sql });
  }
}

function stepOf(kind: Advice["kind"]): OptimiserAction["step"] {
  if (kind === "setting" || kind === "extension") return "settings";
  return kind === "autovacuum" || kind === "long_transaction" ? "maintenance" : "indexes";
}
