import type { Database } from "@peregrine/database";
import { type Figures, historyOf } from "@peregrine/metrics";
import { loadSlots } from "./fleet-figures.ts";

const minuteMs = 60_000;

/** The figures of the last minute that was saved: of the fleet, or of one server. */
export async function lastMinute(
  database: Database,
  server: string | null,
): Promise<Figures | null> {
  const toMs = Math.floor(Date.now() / 15_000) * 15_000;
  const slots = await loadSlots(database, 15, toMs - minuteMs, toMs, server);
  // One point, whatever the minute: all slots are moved to its beginning.
  const moved = slots.map((slot) => ({ ...slot, atMs: 0 }));
  return historyOf(moved, { fromMs: 0, toMs: 1, stepSeconds: 60 }).whole;
}
