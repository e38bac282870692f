import type { Database } from "@peregrine/database";
import { type Figures, History, modelServersOf } from "@peregrine/metrics";
import { loadSlots } from "./load-slots.ts";

const stepSeconds = 15;
const minuteMs = 60_000;
const serversMs = 5 * minuteMs;

/** What models did in the last minute that was saved, and model servers in the last five: of the fleet. */
export async function modelFigures(database: Database) {
  const stepMs = stepSeconds * 1000;
  const nowMs = Date.now();
  const toMs = Math.floor(nowMs / stepMs) * stepMs;
  // A server that stopped has told of the span that is not over as well.
  const slots = await loadSlots(database, stepSeconds, toMs - serversMs, nowMs);
  // One point, whatever the minute: its slots are moved to the beginning.
  const minute = new History({ fromMs: 0, toMs: 1, stepSeconds: 60 }, nowMs);
  for (const slot of slots) {
    if (slot.atMs >= toMs - minuteMs && slot.atMs < toMs) minute.add({ ...slot, atMs: 0 });
  }
  const [point] = minute.points();
  const models: Figures["models"] = point?.figures?.models ?? {};
  // Of a fleet that has just started there are fewer.
  const steps = new Set(slots.map(({ atMs }) => atMs)).size;
  const servers = modelServersOf(
    slots.map(({ slot }) => slot),
    steps * stepSeconds,
  );
  return { models, servers };
}
