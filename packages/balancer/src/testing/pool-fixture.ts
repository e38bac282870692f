import { afterEach, beforeEach, expect } from "bun:test";
import { type AcquireOptions, Pool, type PoolOptions, type Ticket } from "../index.ts";
import { seededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A clock for each test of a file, and pools of a and b that are closed after it and leave no timer. */
export function usePools() {
  let clock: VirtualClock;
  let pools: Pool[];
  beforeEach(() => {
    clock = new VirtualClock();
    pools = [];
  });
  afterEach(() => {
    for (const pool of pools) pool.close();
    expect(clock.pending).toBe(0);
  });
  return {
    get clock() {
      return clock;
    },
    poolOf(options: Partial<PoolOptions> = {}): Pool {
      const servers = named("a", "b");
      const pool = new Pool({ servers, clock, random: seededRandom(1), ...options });
      pools.push(pool);
      return pool;
    },
  };
}

/** Servers by these names. */
export function named(...ids: string[]) {
  return ids.map((id) => ({ id, url: `http://${id}` }));
}

/** A ticket that is to be had at once. */
export function take(pool: Pool, demand: AcquireOptions = {}): Ticket {
  const ticket = pool.tryAcquire(demand);
  if (ticket === undefined) throw new Error("no server had room");
  return ticket;
}

/** Follows a promise without waiting for it. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; settled: boolean } {
  const seen: { value?: T; error?: unknown; settled: boolean } = { settled: false };
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error: unknown) => Object.assign(seen, { error, settled: true }),
  );
  return seen;
}
