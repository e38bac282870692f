import type { Database } from "@peregrine/database";
import {
  decodeSlot,
  type ServerSlot,
  type Slot,
  SlotFormatError,
  type StepSeconds,
  TimeSlices,
} from "@peregrine/metrics";

/** Of each server, in one statement: a day of 5 minutes. */
const slotsAtOnce = 288;

/** The slots of a range of time, unpacked, in order of time. */
export async function loadSlots(
  database: Database,
  step: StepSeconds,
  fromMs: number,
  toMs: number,
  server: string | null = null,
): Promise<ServerSlot[]> {
  const slots: ServerSlot[] = [];
  await eachSlot(database, step, fromMs, toMs, server, (slot) => slots.push(slot));
  return slots;
}

/**
 * Hands over the slots of a range of time one by one, in order of time. A month of a fleet is tens of
 * thousands, and a second's work: it is read by the day, and others go first in between.
 */
export async function eachSlot(
  database: Database,
  step: StepSeconds,
  fromMs: number,
  toMs: number,
  server: string | null,
  take: (slot: ServerSlot) => void,
): Promise<void> {
  const slices = new TimeSlices();
  const chunkMs = slotsAtOnce * step * 1000;
  for (let startMs = fromMs; startMs < toMs; startMs += chunkMs) {
    const endMs = Math.min(toMs, startMs + chunkMs);
    const packed = await database.metrics.range(step, startMs, endMs, server);
    for (const { server, atMs, data } of packed) {
      const slot = readable(data);
      if (slot) take({ server, atMs, slot });
      const pause = slices.pause();
      if (pause) await pause;
    }
  }
}

/** What is damaged, or written by another version, is missing; the others are shown all the same. */
function readable(data: Uint8Array): Slot | undefined {
  try {
    return decodeSlot(data);
  } catch (error) {
    if (error instanceof SlotFormatError) return undefined;
    throw error;
  }
}
