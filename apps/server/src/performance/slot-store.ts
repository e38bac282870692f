import type { Database } from "@peregrine/database";
import {
  decodeSlot,
  encodeSlot,
  type SlotStore,
  type StepSeconds,
  steps,
} from "@peregrine/metrics";

const retention = steps.map(({ seconds, keptSeconds }) => ({ step: seconds, keptSeconds }));

/** Keeps the windows of this server in the database, where every server finds those of all. */
export function databaseSlotStore(database: Database, serverName: string): SlotStore {
  const { metrics } = database;
  let registered: Promise<number> | undefined;

  /** The server's number. A try that failed is made again. */
  function register(): Promise<number> {
    registered ??= metrics.registerServer(serverName).catch((error: unknown) => {
      registered = undefined;
      throw error;
    });
    return registered;
  }

  return {
    async save(slots) {
      const packed = slots.map(({ step, atMs, slot }) => ({ step, atMs, data: encodeSlot(slot) }));
      await metrics.save(await register(), packed);
    },
    async load(wanted) {
      const packed = await metrics.load(await register(), wanted);
      return packed.map(({ step, atMs, data }) => ({
        step: step as StepSeconds,
        atMs,
        slot: decodeSlot(data),
      }));
    },
    prune: () => metrics.prune(retention),
  };
}
