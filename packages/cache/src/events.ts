import type { BreakerState } from "./redis/breaker.ts";

/**
 * Where a value came from: this process's memory, Redis, its source, or another reader's load of it
 * that was under way already.
 */
export type ServedFrom = "memory" | "redis" | "source" | "shared load";

/** What the cache tells as it happens. Counts are in `stats()`; these are for what has a moment. */
export interface CacheEvents {
  /** A value is served, while its reader waits: told in the reader's own asynchronous context. */
  onServed?(from: ServedFrom): void;
  /** A load from the source ended. */
  onLoad?(load: { type: string; ms: number; ok: boolean }): void;
  onBreaker?(state: BreakerState): void;
  /** Memory was emptied because the log of invalidations no longer reaches back. */
  onReset?(reason: string): void;
  /** Something under a key in Redis was not ours, from the future, or damaged: a miss. */
  onUnreadable?(key: string, reason: "foreign" | "future" | "damaged"): void;
  /** Something failed that a reader did not feel. */
  onError?(error: unknown, during: string): void;
}
