import { useState } from "preact/hooks";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { amount, bytes, exactPercent } from "./format.ts";
import type { Act } from "./performance-page.tsx";
import type { PerformanceState } from "./performance-state.ts";
import { Table } from "./table.tsx";

/** The caches by type, with what each found, and how to empty and fill them. */
export function Caches({ state, act }: { state: PerformanceState; act: Act }) {
  /** The type that is to be cleared, once that is confirmed; "" for all. */
  const [clearing, setClearing] = useState<string | null>(null);
  const now = state.now.value;
  if (!now) return null;
  const { cache_stats: stats, figures } = now;
  const query = clearing ? `?cache_type=${encodeURIComponent(clearing)}` : "";
  return (
    <section aria-labelledby="performance-caches">
      <h2 id="performance-caches">Caches</h2>
      <p class="settings-text">
        {amount(stats.memory.entries)} entries in memory, {bytes(stats.memory.bytes)} of{" "}
        {bytes(stats.memory.maxBytes)}; Redis:{" "}
        {stats.breaker === "off"
          ? "none"
          : stats.breaker === "closed"
            ? "connected"
            : "not reached"}
      </p>
      <Table
        columns={["Type", "Kept in", "Hits in the last minute", "Hits since the start"]}
        hasActions
      >
        {Object.entries(stats.types).map(([type, { layer, memoryHits, otherHits, misses }]) => (
          <tr key={type}>
            <th scope="row">{type}</th>
            <td>{layer === "redis" ? "memory, Redis" : "memory"}</td>
            <td>{exactPercent(figures?.cache_hit_ratio[type])}</td>
            <td>{exactPercent(ratioOf(memoryHits + otherHits, misses))}</td>
            <td>
              <button type="button" class="quiet-button" onClick={() => setClearing(type)}>
                Clear
              </button>
            </td>
          </tr>
        ))}
      </Table>
      <div class="section-actions">
        <button
          type="button"
          class="button"
          onClick={() => void act("The caches are warm.", "POST", "/cache/warm")}
        >
          Warm
        </button>
        <button type="button" class="button" onClick={() => setClearing("")}>
          Clear all
        </button>
      </div>
      {clearing !== null && (
        <ConfirmDialog
          title={clearing === "" ? "Clear all caches?" : `Clear ${clearing}?`}
          text="Nothing is lost, but until the cache has filled again every read goes to the database: requests are slower, and the database has more to do."
          action="Clear"
          onConfirm={() => void act("The cache was cleared.", "POST", `/cache/clear${query}`)}
          onClose={() => setClearing(null)}
        />
      )}
    </section>
  );
}

function ratioOf(hits: number, misses: number): number | null {
  return hits + misses > 0 ? hits / (hits + misses) : null;
}
