import type { Entry } from "./memory/entry.ts";
import type { MemoryLayer } from "./memory/memory-layer.ts";
import type { RedisLayer } from "./redis/redis-layer.ts";
import { sleep } from "./time-limit.ts";

export interface ClearingProgress {
  /** Entries that this process had in memory. */
  memoryEntries: number;
  /** Keys removed from Redis so far, of about so many looked at. */
  redisEntries: number;
  redisScanned: number;
}

/**
 * What an administrator's clearing does after the log has said that the values are old, so that none
 * of them is served any more: frees the memory they take, here and in Redis, in the background.
 */
export interface Clearing {
  readonly progress: Readonly<ClearingProgress>;
  /** The final counts. Rejects when Redis failed on the way, or when the signal stopped it. */
  readonly done: Promise<Readonly<ClearingProgress>>;
}

export function beginClearing(options: {
  memory: MemoryLayer;
  redis: RedisLayer | undefined;
  matches: (key: string) => boolean;
  /** What SCAN is asked for: at least all that matches. */
  redisGlob: string;
  signal: AbortSignal | undefined;
  onProgress: ((progress: Readonly<ClearingProgress>) => void) | undefined;
}): Clearing {
  const { memory, redis, matches, redisGlob, onProgress } = options;
  const signal = options.signal ?? new AbortController().signal;
  const progress: ClearingProgress = { memoryEntries: 0, redisEntries: 0, redisScanned: 0 };

  // Fresh entries under the same keys may be there again: only what is old is freed.
  const isOld = (entry: Entry) => matches(entry.key) && !memory.isCurrent(entry);

  async function work(): Promise<ClearingProgress> {
    for (const removed of memory.removeInSlices(isOld, SLICE)) {
      progress.memoryEntries += removed;
      onProgress?.(progress);
      signal.throwIfAborted();
      await sleep(0);
    }
    if (redis !== undefined) {
      await redis.sweep(redisGlob, matches, {
        signal,
        onPage: (scanned, removed) => {
          progress.redisScanned += scanned;
          progress.redisEntries += removed;
          onProgress?.(progress);
        },
      });
    }
    return progress;
  }

  const done = work();
  // Who does not wait for the end need not catch its failure.
  done.catch(() => {});
  return { progress, done };
}

/** Entries looked at before others get their turn: about a millisecond. */
const SLICE = 5000;
