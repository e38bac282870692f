import type { Database } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import type { AppCache } from "./open-cache.ts";
import { type WarmableType, warmableTypes, warmCache } from "./warm-cache.ts";

const everyMs = 15 * 60_000;
const batchSize = 100;
/** Of the memory cache, at most: warming must not push out what is being asked for. */
const shareOfMemory = 0.5;

/** Warms the cache now, in the background, and again every quarter of an hour. */
export function keepWarm(cache: AppCache, database: Database, log: Log) {
  const stopped = new AbortController();
  const limit = Math.max(1, Math.floor(cache.stats().memory.maxEntries * shareOfMemory));

  function warm(type: WarmableType) {
    const batch = Math.min(batchSize, limit);
    return warmCache(cache, database, type, { limit, batch, signal: stopped.signal });
  }

  async function warmAll(): Promise<void> {
    for (const type of warmableTypes) {
      const { warmed } = await warm(type);
      log.debug({ type, warmed }, "warmed the cache");
    }
  }

  let work = Promise.resolve();
  function begin(): void {
    work = warmAll().catch((err: unknown) => {
      if (!stopped.signal.aborted) log.warn({ err }, "warming the cache failed");
    });
  }

  begin();
  const timer = setInterval(begin, everyMs);
  return {
    warm,
    async stop(): Promise<void> {
      clearInterval(timer);
      stopped.abort();
      await work;
    },
  };
}
