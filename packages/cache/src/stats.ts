import type { CacheParts } from "./cache.ts";
import type { LogFigures } from "./log/invalidation-log.ts";
import type { BreakerState } from "./redis/breaker.ts";
import type { TypeCounts } from "./type-state.ts";

/** What the cache has done since its start, and how it stands. */
export interface CacheStats {
  readonly types: Readonly<Record<string, Readonly<TypeCounts> & { layer: "memory" | "redis" }>>;
  readonly memory: {
    readonly entries: number;
    readonly bytes: number;
    readonly maxEntries: number;
    readonly maxBytes: number;
    /** Share of the admission window, 0 to 1. */
    readonly windowShare: number;
  };
  readonly loadsRunning: number;
  /** `off`: there is no Redis. */
  readonly breaker: BreakerState | "off";
  readonly log: LogFigures;
}

export function takeStats(
  parts: Pick<CacheParts, "types" | "memory" | "redis" | "flights" | "log" | "settings">,
): CacheStats {
  const { memory, settings } = parts;
  const types: Record<string, Readonly<TypeCounts> & { layer: "memory" | "redis" }> = {};
  for (const [name, type] of Object.entries(parts.types)) {
    types[name] = { ...type.counts, layer: type.shared ? "redis" : "memory" };
  }
  return {
    types,
    memory: {
      entries: memory.size,
      bytes: memory.bytes,
      maxEntries: settings.maxEntries,
      maxBytes: settings.maxBytes,
      windowShare: memory.windowShare,
    },
    loadsRunning: parts.flights.size,
    breaker: parts.redis?.breakerState ?? "off",
    log: parts.log.figures(),
  };
}
