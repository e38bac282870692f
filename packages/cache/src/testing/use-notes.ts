import { afterEach } from "#test";
import { createCache } from "../create-cache.ts";
import type { CacheEvents } from "../events.ts";
import { typed } from "../type-table.ts";
import { HeldClock } from "./held-clock.ts";
import { seededRandom } from "./traces.ts";

export interface Note {
  text: string;
}

/** Types of values as tests need them. */
export const noteTypes = {
  note: { lifetimeMs: 1000, layer: "redis", key: ["id"], value: typed<Note>(), jitter: 0 },
  graced: {
    lifetimeMs: 1000,
    graceMs: 5000,
    layer: "memory",
    key: ["id"],
    value: typed<Note>(),
    jitter: 0,
  },
  patient: {
    lifetimeMs: 1000,
    graceMs: 5000,
    staleAfterMs: 30,
    layer: "memory",
    key: ["id"],
    value: typed<Note>(),
    jitter: 0,
  },
  maybe: {
    lifetimeMs: 1000,
    negativeLifetimeMs: 100,
    layer: "memory",
    key: ["id"],
    value: typed<Note | undefined>(),
    jitter: 0,
  },
  hasty: {
    lifetimeMs: 1000,
    layer: "memory",
    key: ["id"],
    value: typed<Note>(),
    loadTimeoutMs: 40,
  },
  spread: { lifetimeMs: 1000, layer: "memory", key: ["id"], value: typed<Note>(), jitter: 0.5 },
} as const;

export const noteKey = { owner: "me", id: 1 };

/** Opens caches that stand at one moment, and are closed after the test. */
export function useNotes() {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const cache of opened.splice(0)) await cache.close();
  });
  return async (onServed?: CacheEvents["onServed"]) => {
    const clock = new HeldClock();
    const errors: unknown[] = [];
    const cache = await createCache({
      types: noteTypes,
      clock,
      random: seededRandom(1),
      on: { onError: (error) => errors.push(error), ...(onServed ? { onServed } : {}) },
    });
    opened.push(cache);
    return { cache, clock, errors };
  };
}
