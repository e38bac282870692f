import type { Clock } from "../clock.ts";
import { CacheError } from "../errors.ts";
import type { CacheEvents } from "../events.ts";
import type { Address } from "../key.ts";
import type { Knowledge } from "../log/knowledge.ts";
import type { EntryMaker, Stamp } from "../make-entry.ts";
import type { Entry } from "../memory/entry.ts";
import type { MemoryLayer } from "../memory/memory-layer.ts";
import type { RedisLayer } from "../redis/redis-layer.ts";
import { withTimeLimit } from "../time-limit.ts";
import type { TypeState } from "../type-state.ts";
import type { LoadLock } from "./load-lock.ts";

export type Load = (context: { signal: AbortSignal }) => Promise<unknown>;

export interface LoadRequest {
  readonly type: TypeState;
  readonly at: Address;
  readonly tags: readonly string[];
  readonly load: Load;
  /** A reader waits, or a value that is still served is renewed in the background. */
  readonly purpose: "read" | "refresh";
}

/**
 * Gets one value that memory does not have: from Redis, else from its source, under the lock of the
 * key. Called through `Flights`, so once at a time for a key.
 *
 * A value is stamped with the position of the log before its load begins and kept only when nothing
 * that guards it has changed by the time it is there; it is given to those who wait in any case,
 * since they came before.
 */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #running = new Set<AbortController>();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  async run(request: LoadRequest): Promise<Entry> {
    const { type, at, tags, purpose } = request;
    const { clock, redis, knowledge, lock, memory } = this.#options;
    if (
      !type.shared ||
      redis === undefined ||
      !redis.isUsable ||
      knowledge.isPending(at.key, tags)
    ) {
      return this.#load(request);
    }
    const found = await this.fromRedis(type, at);
    if (found !== undefined && (purpose === "read" || this.#isFresh(found))) return found;
    const held = await lock.take(at.key, purpose === "read", async () => {
      const later = await this.fromRedis(type, at);
      return later !== undefined && this.#isFresh(later) ? later : undefined;
    });
    if (held.outcome === "found") return held.entry;
    if (held.outcome === "busy" && purpose === "refresh") {
      // Another process renews it.
      const kept = found ?? memory.peek(type, at);
      const known = clock.now() < knowledge.leaseUntil;
      if (kept !== undefined && known && memory.isCurrent(kept)) return kept;
    }
    if (held.outcome !== "locked") return this.#load(request);
    let written: Promise<void> | undefined;
    try {
      return await this.#load(request, (writing) => {
        written = writing;
      });
    } finally {
      // Whoever waits for the lock should find the value when it gets it.
      held.release(written);
    }
  }

  /** Ends the loads that still run: who waits for them is told that the cache is closed. */
  close(): void {
    for (const abort of this.#running) {
      abort.abort(new CacheError("CLOSED", "the cache was closed while the value was loading"));
    }
  }

  /** The value in Redis, fresh or within its grace, put into memory. */
  async fromRedis(type: TypeState, at: Address): Promise<Entry | undefined> {
    const { redis, maker, memory, events } = this.#options;
    if (redis === undefined || !redis.isUsable) return undefined;
    try {
      const { generation } = maker.stamp();
      const hit = await redis.get(at.key);
      if (hit === undefined) {
        type.counts.redisMisses++;
        return undefined;
      }
      const entry = maker.fromEnvelope(type, at, hit.envelope, hit.seq ?? 0);
      type.counts.redisHits++;
      if (hit.seq !== undefined && generation === maker.stamp().generation) memory.put(entry);
      return entry;
    } catch (error) {
      events.onError?.(error, "redis");
      return undefined;
    }
  }

  /** The same for many keys, in one packet. What is past its lifetime counts as a miss. */
  async manyFromRedis(type: TypeState, places: readonly Address[]): Promise<(Entry | undefined)[]> {
    const { redis, maker, memory, events } = this.#options;
    if (redis === undefined || !redis.isUsable) return places.map(() => undefined);
    try {
      const { generation } = maker.stamp();
      const hits = await redis.getMany(places.map(({ key }) => key));
      return hits.map((hit, i) => {
        if (hit === undefined) {
          type.counts.redisMisses++;
          return undefined;
        }
        const entry = maker.fromEnvelope(type, places[i] as Address, hit.envelope, hit.seq ?? 0);
        type.counts.redisHits++;
        if (hit.seq !== undefined && generation === maker.stamp().generation) memory.put(entry);
        return this.#isFresh(entry) ? entry : undefined;
      });
    } catch (error) {
      events.onError?.(error, "redis");
      return places.map(() => undefined);
    }
  }

  /** Keeps values that were read from their source at `asOf`; gives how many were not old. */
  async keep(type: TypeState, entries: readonly Entry[], asOf: Stamp): Promise<number> {
    const { knowledge, memory, redis, maker, events } = this.#options;
    if (asOf.generation !== knowledge.generation) return 0;
    const kept = entries.filter(
      (entry) =>
        this.#lifetimeOf(entry) > 0 && knowledge.isCurrent(entry.key, entry.tags, asOf.seq),
    );
    type.counts.overtaken += entries.length - kept.length;
    for (const entry of kept) memory.put(entry);
    if (type.shared && kept.length > 0 && redis?.isUsable) {
      await redis
        .setMany(kept.map((entry) => maker.toEnvelope(entry, asOf)))
        .catch((error) => events.onError?.(error, "redis"));
    }
    return kept.length;
  }

  /** Frees what a deleted key takes in Redis; it is not served any more in any case. */
  async deleteFromRedis(key: string): Promise<void> {
    const { redis, events } = this.#options;
    if (!redis?.isUsable) return;
    await redis.delete(key).catch((error) => events.onError?.(error, "redis"));
  }

  async #load(
    request: LoadRequest,
    onWriting: (writing: Promise<void>) => void = () => {},
  ): Promise<Entry> {
    const { type, at, tags, load } = request;
    const { clock, maker, knowledge, memory, redis, events } = this.#options;
    const { counts } = type;
    const stamp = maker.stamp();
    const startedAt = clock.now();
    const abort = new AbortController();
    this.#running.add(abort);
    counts.loads++;
    let entry: Entry;
    try {
      const loading = (async () => load({ signal: abort.signal }))();
      const value = await withTimeLimit(
        Promise.race([loading, whenAborted(abort.signal)]),
        type.loadTimeoutMs,
        `loading ${type.name}`,
      );
      entry = maker.fromValue(type, at, tags, value, stamp.seq);
    } catch (error) {
      counts.loadFailures++;
      counts.loadMs += clock.now() - startedAt;
      events.onLoad?.({ type: type.name, ms: clock.now() - startedAt, ok: false });
      if (!(error instanceof CacheError && error.code === "TIMED_OUT")) throw error;
      abort.abort(error);
      throw new CacheError("LOAD_TIMED_OUT", error.message, { cause: error });
    } finally {
      this.#running.delete(abort);
    }
    const ms = clock.now() - startedAt;
    counts.loadMs += ms;
    events.onLoad?.({ type: type.name, ms, ok: true });
    if (this.#lifetimeOf(entry) === 0) return entry;
    if (
      stamp.generation !== knowledge.generation ||
      !knowledge.isCurrent(at.key, tags, stamp.seq)
    ) {
      counts.overtaken++;
      return entry;
    }
    memory.put(entry);
    if (type.shared && redis?.isUsable) {
      onWriting(
        redis
          .setMany([maker.toEnvelope(entry, stamp)])
          .catch((error) => events.onError?.(error, "redis")),
      );
    }
    return entry;
  }

  #lifetimeOf({ type, value }: Entry): number {
    return value === undefined ? type.negativeLifetimeMs : type.lifetimeMs;
  }

  #isFresh(entry: Entry): boolean {
    return this.#options.clock.now() < entry.freshUntil;
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

interface LoaderOptions {
  clock: Clock;
  knowledge: Knowledge;
  maker: EntryMaker;
  memory: MemoryLayer;
  redis: RedisLayer | undefined;
  lock: LoadLock;
  events: CacheEvents;
}
