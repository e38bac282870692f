import { type Static, Type } from "@sinclair/typebox";

const Count = Type.Number({ minimum: 0 });

/** What one type of cached value has done since the server started. */
const CacheTypeStats = Type.Object({
  layer: Type.Union([Type.Literal("memory"), Type.Literal("redis")]),
  memoryHits: Count,
  memoryMisses: Count,
});

export const CacheStatsBody = Type.Object({
  types: Type.Record(Type.String(), CacheTypeStats),
  memory: Type.Object({ entries: Count, bytes: Count, maxEntries: Count, maxBytes: Count }),
  loadsRunning: Count,
  breaker: Type.String({ description: "Of Redis: off, closed, open or half_open." }),
});

export const CacheClearedBody = Type.Object({
  memory_entries: Count,
  redis_entries: Count,
  done: Type.Boolean({ description: "False while Redis is still being swept." }),
});
export type CacheClearedBody = Static<typeof CacheClearedBody>;

export const CacheWarmedBody = Type.Object({
  warmed: Type.Record(Type.String(), Count, { description: "Entries put in, by type." }),
});
export type CacheWarmedBody = Static<typeof CacheWarmedBody>;
