import type { OptimiserAction, OptimiserRun } from "@peregrine/protocol";
import { ago, bytes, seconds } from "./format.ts";

const shown = 10;
const statuses = {
  running: "is running",
  done: "is done",
  failed: "failed",
  cancelled: "was cancelled",
  interrupted: "was cut off",
} as const;
const triggers = {
  administrator: "by an administrator",
  schedule: "on schedule",
  command: "by command",
} as const;

/** The optimiser's last jobs, each with what it did: a receipt a step. */
export function OptimiserHistory({ runs }: { runs: readonly OptimiserRun[] }) {
  if (runs.length === 0) return null;
  return (
    <>
      <h3>Last jobs</h3>
      <ul class="timeline">
        {runs.slice(0, shown).map((run) => (
          <li key={run.id}>
            <details class="more-figures">
              <summary>
                <time dateTime={run.startedAt}>{ago(run.startedAt)}</time>
                {run.advice ?? "Optimised"} {triggers[run.trigger]}, {statuses[run.status]}
                {run.error !== null && `: ${run.error}`}
              </summary>
              <ul>
                {(run.result?.actions ?? []).map((action) => (
                  <li key={`${action.step} ${action.name}`}>{receipt(action)}</li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </>
  );
}

function receipt({ name, outcome, detail, durationMs, sizeBytes, query, undo }: OptimiserAction) {
  const parts = [`${name}: ${outcome.replaceAll("_", " ")}. ${detail}`];
  if (durationMs !== null) parts.push(`Took ${seconds(durationMs / 1000)}.`);
  if (sizeBytes !== null) parts.push(`${bytes(sizeBytes)} large.`);
  if (query?.before.durationMs != null && query.after.durationMs != null) {
    const [before, after] = [query.before.durationMs, query.after.durationMs];
    parts.push(`Its query took ${seconds(before / 1000)} before, ${seconds(after / 1000)} now.`);
  }
  if (undo !== null) parts.push(`Undo: ${undo}`);
  return parts.join(" ");
}
