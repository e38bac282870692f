import type { BreakerState } from "./redis/breaker.ts";

/** What the cache tells as it happens. Counts are in `stats()`; these are for what has a moment. */
export interface CacheEvents {
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
