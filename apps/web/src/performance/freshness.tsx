import type { FreshnessBody } from "@peregrine/protocol";
import { ago, amount, seconds } from "./format.ts";
import type { PerformanceState } from "./performance-state.ts";

/** How far copies are behind the truth, and what is about to end: one line each. */
export function Freshness({ state }: { state: PerformanceState }) {
  const freshness = state.now.value?.freshness;
  if (!freshness) return null;
  return (
    <section aria-labelledby="performance-freshness">
      <h2 id="performance-freshness">Copies and certificates</h2>
      <ul class="timeline">
        {lines(freshness).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}

function lines({ invalidations, replicas, purges, certificates }: FreshnessBody): string[] {
  const { state, lag_seconds, lag_records } = invalidations;
  return [
    state === "solo"
      ? "Memory caches: one server alone, nothing to be behind of."
      : `Memory caches: ${state}, at most ${seconds(lag_seconds)} and ${amount(lag_records)} records behind.`,
    ...replicas.map(({ name, reachable, lag_seconds }) =>
      reachable
        ? `Replica ${name}: ${seconds(lag_seconds)} behind.`
        : `Replica ${name}: not reached for ${seconds(lag_seconds)}.`,
    ),
    ...(purges ? [purgeLine(purges)] : []),
    ...certificates.map(({ name, ends_at, error }) =>
      error !== null || ends_at === null
        ? `Certificate of ${name}: could not be read: ${error ?? "no reason is known"}.`
        : `Certificate of ${name}: ends in ${Math.floor((Date.parse(ends_at) - Date.now()) / 86_400_000)} days.`,
    ),
  ];
}

function purgeLine({
  waiting,
  failing,
  oldest_since,
  last_error,
}: NonNullable<FreshnessBody["purges"]>): string {
  if (waiting === 0) return "Purges: none waits.";
  const since = oldest_since === null ? "" : `, the oldest from ${ago(oldest_since)}`;
  const failed = failing === 0 ? "" : `; ${failing} failed and are tried again: ${last_error}`;
  return `Purges: ${waiting} wait${since}${failed}.`;
}
