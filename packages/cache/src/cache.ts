import type { Body } from "./body.ts";
import type { CacheSettings } from "./cache-options.ts";
import { beginClearing, type Clearing, type ClearingProgress } from "./clearing.ts";
import { CacheError, shown } from "./errors.ts";
import { checkTags, EVERYTHING, prefixGuard, tagGuard } from "./guards.ts";
import { addressOf } from "./key.ts";
import type { Flights } from "./loading/flights.ts";
import type { Loader } from "./loading/loader.ts";
import type { Reader } from "./loading/reader.ts";
import type { InvalidationLog } from "./log/invalidation-log.ts";
import type { EntryMaker, Stamp } from "./make-entry.ts";
import type { Entry } from "./memory/entry.ts";
import type { MemoryLayer } from "./memory/memory-layer.ts";
import { compileGlob, escapeGlob, parsePattern } from "./pattern.ts";
import type { RedisLayer } from "./redis/redis-layer.ts";
import { type CacheStats, takeStats } from "./stats.ts";
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
  log: InvalidationLog;
  maker: EntryMaker;
  flights: Flights;
  loader: Loader;
  reader: Reader;
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
  readonly #reader: Reader;
  #closed = false;

  constructor(parts: CacheParts) {
    this.#parts = parts;
    this.#types = parts.types;
    this.#memory = parts.memory;
    this.#reader = parts.reader;
  }

  /** The value if memory can serve it now. Never waits, and allocates nothing. */
  peek<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): ValueOf<T[N]> | undefined {
    return this.#reader.hit(this.#type(name), key)?.value as ValueOf<T[N]> | undefined;
  }

  /** The value, loaded by `load` when no layer has it. Concurrent readers share one load. */
  getOrLoad<N extends keyof T & string>(
    name: N,
    key: KeyOf<T[N]>,
    load: LoadFor<ValueOf<T[N]>>,
    options?: EntryOptions,
  ): Promise<ValueOf<T[N]>> {
    const type = this.#type(name);
    const entry = this.#reader.hitAndRenew(type, key, load);
    if (entry !== undefined) return promiseOf(entry) as Promise<ValueOf<T[N]>>;
    return this.#reader
      .read(type, key, load, options?.tags ?? NO_TAGS)
      .then((found) => found.value as ValueOf<T[N]>);
  }

  /** The same as JSON bytes with an ETag, kept with the entry: a hit serialises nothing. */
  getOrLoadBody<N extends keyof T & string>(
    name: N,
    key: KeyOf<T[N]>,
    load: LoadFor<ValueOf<T[N]>>,
    options?: EntryOptions,
  ): Body | Promise<Body> {
    const type = this.#type(name);
    const entry = this.#reader.hitAndRenew(type, key, load);
    if (entry !== undefined) return entry.body ?? this.#reader.bodyOf(entry);
    return this.#reader
      .read(type, key, load, options?.tags ?? NO_TAGS)
      .then((found) => this.#reader.bodyOf(found));
  }

  /** The value from memory or Redis, or undefined. */
  get<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): Promise<ValueOf<T[N]> | undefined> {
    const type = this.#type(name);
    const entry = this.#reader.hit(type, key);
    if (entry !== undefined) return promiseOf(entry) as Promise<ValueOf<T[N]>>;
    return this.#reader
      .findBelow(type, key)
      .then((found) => found?.value as ValueOf<T[N]> | undefined);
  }

  /** Whether memory or Redis has it, be it that it is known not to be there. */
  async has<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): Promise<boolean> {
    const type = this.#type(name);
    const entry = this.#reader.hit(type, key) ?? (await this.#reader.findBelow(type, key));
    return entry !== undefined;
  }

  /** The values in the order of the keys; what memory lacks comes from Redis in one packet. */
  async getMany<N extends keyof T & string>(
    name: N,
    keys: readonly KeyOf<T[N]>[],
  ): Promise<(ValueOf<T[N]> | undefined)[]> {
    const found = await this.#reader.findMany(this.#type(name), keys);
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
      return maker.fromValue(type, addressOf(type, key), tags, value, asOf.seq);
    });
    return loader.keep(type, entries, asOf);
  }

  /** Makes one value old, in every process. */
  async delete<N extends keyof T & string>(name: N, key: KeyOf<T[N]>): Promise<void> {
    this.#checkOpen();
    const type = this.#type(name);
    const at = addressOf(type, key);
    await this.#parts.log.invalidate([prefixGuard(at.key)]);
    const entry = this.#memory.peek(type, at);
    if (entry !== undefined && !this.#memory.isCurrent(entry)) this.#memory.remove(entry);
    if (type.shared) await this.#parts.loader.deleteFromRedis(at.key);
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
    this.#reader.close();
    await this.#parts.log.close();
    await this.#parts.release();
    this.#memory.clear();
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

function promiseOf(entry: Entry): Promise<unknown> {
  entry.promise ??= Promise.resolve(entry.value);
  return entry.promise;
}
