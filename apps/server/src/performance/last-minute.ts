import type { Database } from "@peregrine/database";
import { type Figures, History } from "@peregrine/metrics";
import { loadSlots } from "./load-slots.ts";

const minuteMs = 60_000;

/** The figures of the last minute that was saved: of the fleet, or of one server. */
export async function lastMinute(
  database: Database,
  server: string | null,
): Promise<Figures | null> {
  const toMs = Math.floor(Date.now() / 15_000) * 15_000;
  // One point, whatever the minute: all slots are moved to its beginning.
  const history = new History({ fromMs: 0, toMs: 1, stepSeconds: 60 }, toMs);
  for (const slot of await loadSlots(database, 15, toMs - minuteMs, toMs, server)) {
    history.add({ ...slot, atMs: 0 });
  }
  const [point] = history.points();
  return point?.figures ?? null;
}
