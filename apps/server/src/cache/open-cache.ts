import {
  type Cache,
  createCache,
  type IpcChannel,
  ipcTransport,
  type ServedFrom,
} from "@peregrine/cache";
import type { Database } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";
import { type CacheTypes, cacheTypes } from "./cache-types.ts";

export type AppCache = Cache<CacheTypes>;

/**
 * Opens the cache of this server: memory in front of Redis where there is one, else memory alone.
 * Servers of one machine without Redis tell each other of writes through their parent.
 *
 * @param onServed told for each value that a reader is given, in that reader's asynchronous context
 */
export function openCache(
  config: Config,
  database: Database,
  log: Log,
  onServed?: (from: ServedFrom) => void,
): Promise<AppCache> {
  const target = config.REDIS_URL;
  const channel = target === undefined ? parentChannel() : undefined;
  return createCache({
    types: cacheTypes(config.CACHE_TTL),
    maxEntries: config.MEMORY_CACHE_SIZE,
    redis: target && { target },
    transport: channel && ipcTransport(channel),
    witness: target || channel ? database.cacheWitness : undefined,
    on: {
      ...(onServed ? { onServed } : {}),
      onBreaker: (state) => log.warn({ state }, "Redis: the breaker changed"),
      onReset: (reason) => log.info({ reason }, "the memory cache was emptied"),
      onUnreadable: (key, reason) => log.warn({ key, reason }, "Redis holds something else"),
      onError: (err, during) => log.warn({ err, during }, "the cache failed at something"),
    },
  });
}

/** The way to the process that started this one, if it speaks with its children. */
function parentChannel(): IpcChannel | undefined {
  const send = process.send?.bind(process);
  if (!send) return undefined;
  return {
    // With a callback, a parent that has gone is an error here and not of the whole process.
    send: (message) => void send(message, () => {}),
    listen(onMessage) {
      process.on("message", onMessage);
      return () => process.off("message", onMessage);
    },
  };
}
