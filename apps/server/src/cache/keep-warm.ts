import type { Database } from "@peregrine/database";
import { type Log, Recurring } from "@peregrine/process";
import type { AppCache } from "./open-cache.ts";
import { type WarmableType, warmableTypes, warmCache } from "./warm-cache.ts";

const everyMs = 15 * 60_000;
const batchSize = 100;
/** Of the memory cache, at most: warming must not push out what is being asked for. */
const shareOfMemory = 0.5;

/** Warms the cache now, in the background, and again every quarter of an hour. */
export function keepWarm(cache: AppCache, database: Database, log: Log) {
  const limit = Math.max(1, Math.floor(cache.stats().memory.maxEntries * shareOfMemory));

  const rounds = new Recurring(warmAll, {
    everyMs,
    onError: (err) => log.warn({ err }, "warming the cache failed"),
  });

  function warm(type: WarmableType) {
    const batch = Math.min(batchSize, limit);
    return warmCache(cache, database, type, { limit, batch, signal: rounds.signal });
  }

  async function warmAll(): Promise<void> {
    for (const type of warmableTypes) {
      const { warmed } = await warm(type);
      log.debug({ type, warmed }, "warmed the cache");
    }
  }

  rounds.wake();
  return { warm, stop: () => rounds.stop() };
}
