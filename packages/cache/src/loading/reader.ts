import { type Body, encodeBody } from "../body.ts";
import type { CacheSettings } from "../cache-options.ts";
import type { Clock } from "../clock.ts";
import { CacheError } from "../errors.ts";
import type { CacheEvents, ServedFrom } from "../events.ts";
import { checkTags } from "../guards.ts";
import { type Address, addressOf, type KeyParts, restOfKey, textOf } from "../key.ts";
import type { Knowledge } from "../log/knowledge.ts";
import type { Entry } from "../memory/entry.ts";
import type { MemoryLayer } from "../memory/memory-layer.ts";
import { sleep } from "../time-limit.ts";
import type { TypeState } from "../type-state.ts";
import type { Flights } from "./flights.ts";
import type { Load, Loader } from "./loader.ts";

/**
 * The way of a read: memory, then what others already load, then `Loader`; and of what is past its
 * lifetime: served within its grace while a load goes on in the background.
 */
export class Reader {
  readonly #settings: CacheSettings;
  readonly #clock: Clock;
  readonly #memory: MemoryLayer;
  readonly #knowledge: Knowledge;
  readonly #flights: Flights;
  readonly #loader: Loader;
  readonly #onServed: CacheEvents["onServed"];
  /** When the last hit was looked at. */
  #lookedAt = 0;
  #closed = false;

  constructor(options: {
    settings: CacheSettings;
    memory: MemoryLayer;
    knowledge: Knowledge;
    flights: Flights;
    loader: Loader;
  }) {
    this.#settings = options.settings;
    this.#clock = options.settings.clock;
    this.#memory = options.memory;
    this.#knowledge = options.knowledge;
    this.#flights = options.flights;
    this.#loader = options.loader;
    this.#onServed = options.settings.events.onServed;
  }

  /** The entry if memory can serve it now. Allocates nothing. */
  hit(type: TypeState, parts: KeyParts): Entry | undefined {
    const entry = type.index.get(textOf(parts.owner), restOfKey(type, parts));
    if (entry === undefined) return undefined;
    const { leaseUntil, changes } = this.#knowledge;
    let now: number;
    if (type.shared && leaseUntil !== Number.POSITIVE_INFINITY) {
      now = this.#clock.now();
      if (now >= leaseUntil) return undefined;
    } else now = this.#clock.recent();
    if (now >= entry.freshUntil) return undefined;
    if (entry.checkedAt !== changes && !this.#memory.isCurrent(entry)) return undefined;
    this.#lookedAt = now;
    this.#memory.used(entry);
    type.counts.memoryHits++;
    return entry;
  }

  /** The bytes of a hit for which nothing is left to do: they were made before, and it is not due. */
  bodyOfHit(type: TypeState, parts: KeyParts): Body | undefined {
    const entry = this.hit(type, parts);
    return entry !== undefined && this.#lookedAt < entry.refreshAt ? entry.body : undefined;
  }

  /** A hit for `getOrLoad`, which renews what is asked for often before it expires. */
  hitAndRenew(type: TypeState, parts: KeyParts, load: Load): Entry | undefined {
    const entry = this.hit(type, parts);
    if (entry === undefined) return undefined;
    this.#onServed?.("memory");
    if (this.#lookedAt >= entry.refreshAt) this.#refreshIfHot(entry, load);
    return entry;
  }

  /** The entry that memory did not have, from Redis, fresh. */
  async findBelow(type: TypeState, parts: KeyParts): Promise<Entry | undefined> {
    const at = addressOf(type, parts);
    type.counts.memoryMisses++;
    const found = type.shared ? await this.#loader.fromRedis(type, at) : undefined;
    if (found === undefined || !this.#isFresh(found)) {
      type.counts.misses++;
      return undefined;
    }
    type.counts.otherHits++;
    return found;
  }

  /** The entries from memory or Redis, in the order of the keys: what memory lacks comes in one packet. */
  async findMany(type: TypeState, keys: readonly KeyParts[]): Promise<(Entry | undefined)[]> {
    const found = keys.map((parts) => this.hit(type, parts));
    const missing: number[] = [];
    for (let i = 0; i < found.length; i++) if (found[i] === undefined) missing.push(i);
    const places = missing.map((i) => addressOf(type, keys[i] as KeyParts));
    type.counts.memoryMisses += missing.length;
    if (missing.length === 0) return found;
    const entries = type.shared ? await this.#loader.manyFromRedis(type, places) : [];
    for (let i = 0; i < missing.length; i++) {
      found[missing[i] as number] = entries[i];
      if (entries[i] === undefined) type.counts.misses++;
      else type.counts.otherHits++;
    }
    return found;
  }

  /** The entry that memory did not have, from Redis or its source; stale within its grace. */
  async read(
    type: TypeState,
    parts: KeyParts,
    load: Load,
    tags: readonly string[],
  ): Promise<Entry> {
    if (this.#closed) throw new CacheError("CLOSED", "the cache is closed");
    const at = addressOf(type, parts);
    checkTags(tags);
    type.counts.memoryMisses++;
    const kept = this.#staleEntry(type, at);
    if (kept !== undefined) {
      this.#onServed?.("memory");
      return this.#serveStale(kept, load);
    }
    let from = "shared load" as ServedFrom;
    const asked: Load = (context) => {
      from = "source";
      type.counts.misses++;
      return load(context);
    };
    const begin = () => {
      from = "redis";
      return this.#loader.run({ type, at, tags, load: asked, purpose: "read" });
    };
    const entry = await this.#flights.share(type, at.key, tags, begin);
    this.#onServed?.(from);
    if (this.#isFresh(entry) || entry.value === undefined) {
      if (from !== "source") type.counts.otherHits++;
      return entry;
    }
    // Redis had it, past its lifetime and within its grace.
    return this.#serveStale(entry, load);
  }

  /** The value as bytes, made once an entry. */
  bodyOf(entry: Entry): Body {
    if (entry.body === undefined) {
      entry.body = encodeBody(entry.value);
      this.#memory.resize(entry, entry.bytes + entry.body.bytes.length);
    }
    return entry.body;
  }

  close(): void {
    this.#closed = true;
    this.#loader.close();
  }

  /** An entry past its lifetime, within its grace, and not older than the last write. */
  #staleEntry(type: TypeState, at: Address): Entry | undefined {
    const entry = this.#memory.peek(type, at);
    if (entry === undefined) return undefined;
    const now = this.#clock.now();
    if (type.shared && now >= this.#knowledge.leaseUntil) return undefined;
    if (now >= entry.expiresAt || !this.#memory.isCurrent(entry)) {
      if (now >= entry.expiresAt) type.counts.expirations++;
      this.#memory.remove(entry);
      return undefined;
    }
    return entry;
  }

  /** Loads anew; serves the stale value at once, when it takes too long, or when it fails. */
  async #serveStale(stale: Entry, load: Load): Promise<Entry> {
    const { counts, staleAfterMs } = stale.type;
    if (this.#clock.now() >= stale.refreshAt) {
      const fresh = this.#refresh(stale, load);
      if (staleAfterMs > 0) {
        const waited = await Promise.race([fresh, sleep(staleAfterMs)]);
        if (waited !== undefined) {
          counts.misses++;
          return waited;
        }
      }
    }
    counts.otherHits++;
    counts.staleServed++;
    return stale;
  }

  #refreshIfHot(entry: Entry, load: Load): void {
    entry.refreshAt = entry.freshUntil;
    if (this.#memory.frequency(entry) < HOT_FREQUENCY) return;
    // It catches its own failure.
    void this.#refresh(entry, load);
  }

  /** Loads anew in the background. Gives undefined when that fails; it is tried again later. */
  #refresh(old: Entry, load: Load): Promise<Entry | undefined> {
    const { type, key, tags } = old;
    if (this.#closed) return Promise.resolve(undefined);
    type.counts.refreshes++;
    const begin = () => this.#loader.run({ type, at: old, tags, load, purpose: "refresh" });
    return this.#flights.share(type, key, tags, begin).catch((error) => {
      old.refreshAt = this.#clock.now() + RETRY_REFRESH_MS;
      this.#settings.events.onError?.(error, "refresh");
      return undefined;
    });
  }

  #isFresh(entry: Entry): boolean {
    return this.#clock.now() < entry.freshUntil;
  }
}

/** Asked for at least so often of late (of 15 at most), an entry is renewed before it expires. */
const HOT_FREQUENCY = 3;
const RETRY_REFRESH_MS = 1000;
