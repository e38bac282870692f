import type { Body } from "./body.ts";
import { encodeBody } from "./body.ts";
import type { CacheSettings } from "./cache-options.ts";
import { beginClearing, type Clearing, type ClearingProgress } from "./clearing.ts";
import type { Clock } from "./clock.ts";
import { CacheError, shown } from "./errors.ts";
import type { CacheEvents, ServedFrom } from "./events.ts";
import { checkTags, EVERYTHING, prefixGuard, tagGuard } from "./guards.ts";
import { checkKey, makeKey, restOfKey, textOf } from "./key.ts";
import type { Flights } from "./loading/flights.ts";
import type { Loader } from "./loading/loader.ts";
import type { InvalidationLog } from "./log/invalidation-log.ts";
import type { Knowledge } from "./log/knowledge.ts";
import type { EntryMaker, Stamp } from "./make-entry.ts";
import type { Entry } from "./memory/entry.ts";
import type { MemoryLayer } from "./memory/memory-layer.ts";
import { compileGlob, escapeGlob, parsePattern } from "./pattern.ts";
import type { RedisLayer } from "./redis/redis-layer.ts";
import { type CacheStats, takeStats } from "./stats.ts";
import { sleep } from "./time-limit.ts";
import type { TypeState } from "./type-state.ts";
import { checkNumber, type KeyOf, type TypeTable, type ValueOf } from "./type-table.ts";
import { runWarming, type WarmOptions, type WarmProgress, type WarmSource } from "./warm.ts";

export type { Stamp } from "./make-entry.ts";

/** The parts that `createCache` puts together. */
export interface CacheParts {
  settings: CacheSettings;
  types: ReadonlyMap<string, TypeState>;
  memory: MemoryLayer;
  redis: RedisLayer | undefined;
  knowledge: Knowledge;
  log: InvalidationLog;
  maker: EntryMaker;
  flights: Flights;
  loader: Loader;
  /** Releases what `createCache` opened. */
  release: () => Promise<void>;
}

export type LoadFor<V> = (context: { signal: AbortSignal }) => Promise<V>;

export interface EntryOptions {
  /** What else, beside its key, makes the value old. The same key has to carry the same tags. */
  readonly tags?: readonly string[];
}

/**
 * Memory in front of Redis in front of a source, never older than the last acknowledged write.
 *
 * **Values** are plain data and come frozen: every reader is given the same object.
 *
 * **Keys** are named parts, `owner` first, so that no value can answer for another owner.
 *
 * **Writes** of what is cached run in `mutate`, which names the tags they touch. A read that begins
 * after it resolved never gives an older value, in any process.
 *
 * **Failures** of Redis are felt by nobody: reads load from the source, and writes go on.
 */
export class Cache<T extends TypeTable> {
  readonly #parts: CacheParts;
  readonly #types: ReadonlyMap<string, TypeState>;
  readonly #memory: MemoryLayer;
  readonly #knowledge: Knowledge;
  readonly #clock: Clock;
  readonly #onServed: CacheEvents["onServed"];
  #lookedAt = 0;
  #closed = false;

  constructor(parts: CacheParts) {
    this.#parts = parts;
    this.#types = parts.types;
    this.#memory = parts.memory;
    this.#knowledge = parts.knowledge;
    this.#clock = parts.settings.clock;
    this.#onServed = parts.settings.events.onServed;
  }

  /** The value if memory can serve it now. Never waits, and allocates nothing but the key. */
  peek<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): ValueOf<T[N]> | undefined {
    const entry = this.#memoryHit(this.#type(name), key);
    return entry?.value as ValueOf<T[N]> | undefined;
  }

  /** The value, loaded by `load` when no layer has it. Concurrent readers share one load. */
  getOrLoad<N extends keyof T & string>(
    name: N,
    key: KeyOf<T[N]>,
    load: LoadFor<ValueOf<T[N]>>,
    options?: EntryOptions,
  ): Promise<ValueOf<T[N]>> {
    const type = this.#type(name);
    const entry = this.#memoryHit(type, key);
    if (entry !== undefined) {
      this.#onServed?.("memory");
      if (this.#lookedAt >= entry.refreshAt) this.#refreshIfHot(entry, load);
      entry.promise ??= Promise.resolve(entry.value);
      return entry.promise as Promise<ValueOf<T[N]>>;
    }
    return this.#read(type, key, load, options).then((found) => found.value as ValueOf<T[N]>);
  }

  /** The same as JSON bytes with an ETag, kept with the entry: a hit serialises nothing. */
  getOrLoadBody<N extends keyof T & string>(
    name: N,
    key: KeyOf<T[N]>,
    load: LoadFor<ValueOf<T[N]>>,
    options?: EntryOptions,
  ): Body | Promise<Body> {
    const type = this.#type(name);
    const entry = this.#memoryHit(type, key);
    if (entry !== undefined) {
      this.#onServed?.("memory");
      if (this.#lookedAt >= entry.refreshAt) this.#refreshIfHot(entry, load);
      return entry.body ?? this.#bodyOf(entry);
    }
    return this.#read(type, key, load, options).then((found) => this.#bodyOf(found));
  }

  /** The value from memory or Redis, or undefined. */
  async get<N extends keyof T & string>(
    name: N,
    key: KeyOf<T[N]>,
  ): Promise<ValueOf<T[N]> | undefined> {
    return (await this.#find(this.#type(name), key))?.value as ValueOf<T[N]> | undefined;
  }

  /** Whether memory or Redis has it, be it that it is known not to be there. */
  async has<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): Promise<boolean> {
    return (await this.#find(this.#type(name), key)) !== undefined;
  }

  /** The values in the order of the keys; what memory lacks comes from Redis in one packet. */
  async getMany<N extends keyof T & string>(
    name: N,
    keys: readonly KeyOf<T[N]>[],
  ): Promise<(ValueOf<T[N]> | undefined)[]> {
    const type = this.#type(name);
    const found = keys.map((key) => this.#memoryHit(type, key));
    const missing: number[] = [];
    for (let i = 0; i < found.length; i++) if (found[i] === undefined) missing.push(i);
    if (missing.length > 0 && type.shared) {
      const names = missing.map((i) => this.#checkedKey(type, keys[i] as KeyOf<T[N]>));
      const entries = await this.#parts.loader.manyFromRedis(type, names);
      for (let i = 0; i < missing.length; i++) found[missing[i] as number] = entries[i];
    }
    return found.map((entry) => entry?.value as ValueOf<T[N]> | undefined);
  }

  /** Where the log stands. Taken before a value is read from its source, for `set`. */
  stamp(): Stamp {
    return this.#parts.maker.stamp();
  }

  /**
   * Puts a value in. `asOf` says when it was read from its source: what was written since makes it
   * old. Without it the value counts as read now, which is right only for what no write changes.
   */
  async set<N extends keyof T & string>(
    name: N,
    key: KeyOf<T[N]>,
    value: ValueOf<T[N]>,
    options: EntryOptions & { readonly asOf?: Stamp } = {},
  ): Promise<void> {
    await this.setMany(name, [{ key, value, ...options }], options.asOf);
  }

  /** Puts values in, Redis in one packet. Gives how many were kept. */
  async setMany<N extends keyof T & string>(
    name: N,
    items: readonly (EntryOptions & { readonly key: KeyOf<T[N]>; readonly value: ValueOf<T[N]> })[],
    asOf: Stamp = this.stamp(),
  ): Promise<number> {
    this.#checkOpen();
    const type = this.#type(name);
    const { maker, loader } = this.#parts;
    const entries = items.map(({ key, value, tags = NO_TAGS }) => {
      checkTags(tags);
      return maker.fromValue(type, this.#checkedKey(type, key), tags, value, asOf.seq);
    });
    return loader.keep(type, entries, asOf);
  }

  /** Makes one value old, in every process. */
  async delete<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): Promise<void> {
    this.#checkOpen();
    const type = this.#type(name);
    const text = this.#checkedKey(type, key);
    await this.#parts.log.invalidate([prefixGuard(text)]);
    const entry = this.#memory.peek(type, text);
    if (entry !== undefined && !this.#memory.isCurrent(entry)) this.#memory.remove(entry);
    if (type.shared) await this.#parts.loader.deleteFromRedis(text);
  }

  /**
   * Runs a write. What these tags guard is not served from when work begins; when this resolves,
   * nobody serves a value from before it. If work fails the tags count as written all the same.
   */
  async mutate<R>(tags: readonly string[], work: () => Promise<R>): Promise<R> {
    this.#checkOpen();
    checkTags(tags);
    if (tags.length === 0) {
      throw new CacheError(
        "BAD_TAG",
        "a mutation without tags invalidates nothing; name at least one",
      );
    }
    return this.#parts.log.mutate(tags.map(tagGuard), work);
  }

  /** Makes everything with one of these tags old, in every process, in constant time. */
  async invalidateTags(tags: readonly string[]): Promise<void> {
    this.#checkOpen();
    checkTags(tags);
    await this.#parts.log.invalidate(tags.map(tagGuard));
  }

  /**
   * Makes every key old that matches. When it resolves none is served any more; what they took is
   * freed in the background. A prefix that ends at a colon costs one number, any other glob a look
   * at every key. A pattern that matches everything is refused: that is `clear`.
   */
  async invalidatePattern(pattern: string, options: ClearOptions = {}): Promise<Clearing> {
    this.#checkOpen();
    const parsed = parsePattern(pattern);
    if (parsed.kind === "prefix") return this.#clearPrefix(parsed.prefix, options);
    await this.#parts.log.invalidatePattern(parsed.glob);
    const regexp = compileGlob(parsed.glob);
    return this.#beginClearing((key) => regexp.test(key), parsed.glob, options);
  }

  async invalidateType(name: keyof T & string, options: ClearOptions = {}): Promise<Clearing> {
    this.#checkOpen();
    return this.#clearPrefix(this.#type(name).name, options);
  }

  /** Makes everything old. */
  async clear(options: ClearOptions = {}): Promise<Clearing> {
    this.#checkOpen();
    await this.#parts.log.invalidate([EVERYTHING]);
    return this.#beginClearing(() => true, "*", options);
  }

  /** Puts in ahead of the readers what a source thinks worth it, in batches. */
  async warm<N extends keyof T & string>(
    name: N,
    source: WarmSource<T[N]>,
    options: WarmOptions = {},
  ): Promise<Readonly<WarmProgress>> {
    this.#checkOpen();
    return runWarming(source, options, async (fetch) => {
      const asOf = this.stamp();
      return this.setMany(name, await fetch(), asOf);
    });
  }

  /** Gives up the least useful part of memory, 0 to 1, for when memory is short. */
  evictLeastUsed(fraction: number): { entries: number; bytes: number } {
    return this.#memory.evictLeastUsed(checkNumber("fraction", fraction, 0, 1));
  }

  stats(): CacheStats {
    return takeStats(this.#parts);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.loader.close();
    await this.#parts.log.close();
    await this.#parts.release();
    this.#memory.clear();
  }

  /** The entry if memory can serve it now; leaves the time it looked in `#lookedAt`. */
  #memoryHit(type: TypeState, parts: KeyOf<T[string]>): Entry | undefined {
    const entry = type.index.get(textOf(parts.owner), restOfKey(type, parts));
    if (entry === undefined) return undefined;
    const now = this.#clock.now();
    this.#lookedAt = now;
    if (now >= entry.freshUntil) return undefined;
    if (type.shared && now >= this.#knowledge.leaseUntil) return undefined;
    if (entry.checkedAt !== this.#knowledge.changes && !this.#memory.isCurrent(entry)) {
      return undefined;
    }
    this.#memory.used(entry);
    type.counts.memoryHits++;
    return entry;
  }

  async #find(type: TypeState, key: KeyOf<T[string]>): Promise<Entry | undefined> {
    const entry = this.#memoryHit(type, key);
    if (entry !== undefined) return entry;
    type.counts.memoryMisses++;
    const text = this.#checkedKey(type, key);
    if (!type.shared) return undefined;
    const found = await this.#parts.loader.fromRedis(type, text);
    return found !== undefined && this.#clock.now() < found.freshUntil ? found : undefined;
  }

  async #read(
    type: TypeState,
    parts: KeyOf<T[string]>,
    load: LoadFor<unknown>,
    options: EntryOptions | undefined,
  ): Promise<Entry> {
    this.#checkOpen();
    const key = this.#checkedKey(type, parts);
    const tags = options?.tags ?? NO_TAGS;
    checkTags(tags);
    type.counts.memoryMisses++;
    const kept = this.#staleEntry(type, key);
    if (kept !== undefined) {
      this.#onServed?.("memory");
      return this.#serveStale(kept, load);
    }
    let from: ServedFrom = "shared load";
    const asked: LoadFor<unknown> = (context) => {
      from = "source";
      return load(context);
    };
    const begin = () => {
      from = "redis";
      return this.#parts.loader.run({ type, key, tags, load: asked, purpose: "read" });
    };
    const entry = await this.#parts.flights.share(type, key, tags, begin);
    this.#onServed?.(from);
    if (this.#clock.now() < entry.freshUntil || entry.value === undefined) return entry;
    // Redis had it, past its lifetime and within its grace.
    return this.#serveStale(entry, load);
  }

  /** An entry past its lifetime, within its grace, and not older than the last write. */
  #staleEntry(type: TypeState, key: string): Entry | undefined {
    const entry = this.#memory.peek(type, key);
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
  async #serveStale(stale: Entry, load: LoadFor<unknown>): Promise<Entry> {
    const { type } = stale;
    if (this.#clock.now() < stale.refreshAt) {
      type.counts.staleServed++;
      return stale;
    }
    const fresh = this.#refresh(stale, load);
    if (type.staleAfterMs > 0) {
      const waited = await Promise.race([fresh, sleep(type.staleAfterMs)]);
      if (waited !== undefined) return waited;
    }
    type.counts.staleServed++;
    return stale;
  }

  #refreshIfHot(entry: Entry, load: LoadFor<unknown>): void {
    entry.refreshAt = entry.freshUntil;
    if (this.#memory.frequency(entry) < HOT_FREQUENCY) return;
    // It catches its own failure.
    void this.#refresh(entry, load);
  }

  /** Loads anew in the background. Gives undefined when that fails; it is tried again later. */
  #refresh(old: Entry, load: LoadFor<unknown>): Promise<Entry | undefined> {
    const { type, key, tags } = old;
    if (this.#closed) return Promise.resolve(undefined);
    type.counts.refreshes++;
    const { loader, flights, settings } = this.#parts;
    const begin = () => loader.run({ type, key, tags, load, purpose: "refresh" });
    return flights.share(type, key, tags, begin).catch((error) => {
      old.refreshAt = this.#clock.now() + RETRY_REFRESH_MS;
      settings.events.onError?.(error, "refresh");
      return undefined;
    });
  }

  #bodyOf(entry: Entry): Body {
    if (entry.body === undefined) {
      entry.body = encodeBody(entry.value);
      this.#memory.resize(entry, entry.bytes + entry.body.bytes.length);
    }
    return entry.body;
  }

  async #clearPrefix(prefix: string, options: ClearOptions): Promise<Clearing> {
    await this.#parts.log.invalidate([prefixGuard(prefix)]);
    const matches = (key: string) => key === prefix || key.startsWith(`${prefix}:`);
    return this.#beginClearing(matches, `${escapeGlob(prefix)}*`, options);
  }

  #beginClearing(
    matches: (key: string) => boolean,
    redisGlob: string,
    { signal, onProgress }: ClearOptions,
  ): Clearing {
    const { redis } = this.#parts;
    return beginClearing({ memory: this.#memory, redis, matches, redisGlob, signal, onProgress });
  }

  #checkedKey(type: TypeState, parts: KeyOf<T[string]>): string {
    checkKey(type, parts);
    return makeKey(type, parts);
  }

  #type(name: string): TypeState {
    const type = this.#types.get(name);
    if (type !== undefined) return type;
    throw new CacheError(
      "BAD_TYPE",
      `there is no cache type ${shown(name)}; there are ${[...this.#types.keys()].join(", ")}`,
    );
  }

  #checkOpen(): void {
    if (this.#closed) throw new CacheError("CLOSED", "the cache is closed");
  }
}

export interface ClearOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Readonly<ClearingProgress>) => void;
}

const NO_TAGS: readonly string[] = Object.freeze([]);
/** Asked for at least so often of late (of 15 at most), an entry is renewed before it expires. */
const HOT_FREQUENCY = 3;
const RETRY_REFRESH_MS = 1000;
