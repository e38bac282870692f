import type { Figures } from "@peregrine/protocol";
import { useState } from "preact/hooks";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { amount, bytes, count, exactPercent } from "./format.ts";
import type { Act } from "./performance-page.tsx";
import type { PerformanceState } from "./performance-state.ts";
import { Table } from "./table.tsx";

/** The caches by type, with what each found, and how to empty and fill them. */
export function Caches({ state, act }: { state: PerformanceState; act: Act }) {
  /** The type that is to be cleared, once that is confirmed; "" for all. */
  const [clearing, setClearing] = useState<string | null>(null);
  const [isWarming, setIsWarming] = useState(false);
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
        <button type="button" class="button" onClick={() => setIsWarming(true)}>
          Warm
        </button>
        <button type="button" class="button" onClick={() => setClearing("")}>
          Clear all
        </button>
      </div>
      {isWarming && (
        <ConfirmDialog
          title="Warm the caches?"
          text="The profiles of those who were here last and the newest of their conversations are read from the database, in small pieces: for a few seconds it has a little more to do. What is in the caches stays, as far as there is room."
          action="Warm"
          isHarmless
          onConfirm={() => void act("The caches are warm.", "POST", "/cache/warm")}
          onClose={() => setIsWarming(false)}
        />
      )}
      {clearing !== null && (
        <ConfirmDialog
          title={clearing === "" ? "Clear all caches?" : `Clear ${clearing}?`}
          text={`Nothing is lost, but until ${clearing === "" ? "the caches have" : "it has"} filled again, reads go to the database: requests are slower, and the database has more to do. ${saved(figures, clearing)}`}
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

/** What a cache kept from the database of late, which it then gets for a while. */
function saved(figures: Figures | null, type: string): string {
  if (!figures || figures.cache_reads === 0) return "";
  if (type === "") {
    return `In the last minute they answered ${count(figures.cache_hits)} of ${count(figures.cache_reads)} reads.`;
  }
  const ratio = figures.cache_hit_ratio[type];
  return ratio === undefined
    ? "In the last minute nobody asked for it."
    : `In the last minute it answered ${exactPercent(ratio)} of its reads.`;
}
