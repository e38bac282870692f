import type { Database } from "@peregrine/database";
import { type Figures, historyOf, modelServersOf } from "@peregrine/metrics";
import { loadSlots } from "./fleet-figures.ts";

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
  const minute = slots
    .filter(({ atMs }) => atMs >= toMs - minuteMs && atMs < toMs)
    .map((slot) => ({ ...slot, atMs: 0 }));
  const { whole } = historyOf(minute, { fromMs: 0, toMs: 1, stepSeconds: 60 });
  const models: Figures["models"] = whole?.models ?? {};
  // Of a fleet that has just started there are fewer.
  const steps = new Set(slots.map(({ atMs }) => atMs)).size;
  const servers = modelServersOf(
    slots.map(({ slot }) => slot),
    steps * stepSeconds,
  );
  return { models, servers };
}
