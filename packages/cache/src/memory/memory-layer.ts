import type { Clock } from "../clock.ts";
import type { Address } from "../key.ts";
import type { Knowledge } from "../log/knowledge.ts";
import type { TypeState } from "../type-state.ts";
import { AdaptivePolicy } from "./adaptive-policy.ts";
import type { Entry } from "./entry.ts";
import { hashText } from "./frequency-sketch.ts";

/**
 * The memory layer: entries in the index of their type, bounded in number and in bytes.
 *
 * Both bounds are one: an entry weighs its share of the larger of the two, 1 for anything up to
 * `maxBytes / maxEntries` bytes and in proportion above, and the weights together stay within
 * `maxEntries`. The policy decides who goes.
 *
 * There are no timers for entries. What has expired or was invalidated is found when it is asked for,
 * and by `sweep`, which looks at a slice of the entries each time it is called and goes round.
 */
export class MemoryLayer {
  readonly #types: readonly TypeState[];
  readonly #policy: AdaptivePolicy<Entry>;
  readonly #knowledge: Knowledge;
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #bytesAtWeightOne: number;
  readonly #seed: number;
  #bytes = 0;
  #round: Generator<Entry> | undefined;

  constructor(options: {
    types: readonly TypeState[];
    maxEntries: number;
    maxBytes: number;
    knowledge: Knowledge;
    clock: Clock;
    random: () => number;
  }) {
    this.#types = options.types;
    this.#maxEntries = options.maxEntries;
    this.#bytesAtWeightOne = options.maxBytes / options.maxEntries;
    this.#knowledge = options.knowledge;
    this.#clock = options.clock;
    this.#seed = Math.floor(options.random() * 0x7fffffff);
    this.#policy = new AdaptivePolicy({
      capacity: options.maxEntries,
      random: options.random,
      onEvict: (entry) => {
        entry.type.counts.evictions++;
        this.#forget(entry);
      },
    });
  }

  get size(): number {
    return this.#policy.count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get windowShare(): number {
    return this.#policy.windowShare;
  }

  /** The entry whatever its state, without counting this as a use. */
  peek(type: TypeState, { owner, rest }: Address): Entry | undefined {
    return type.index.get(owner, rest);
  }

  /** Counts a use: for the entry that `peek` gave, when it was served. */
  used(entry: Entry): void {
    this.#policy.hit(entry);
  }

  /** How often the entry was asked for lately, 0 to 15. */
  frequency(entry: Entry): number {
    return this.#policy.frequencyOf(entry);
  }

  /** Whether nothing that guards the entry has changed since it was loaded. */
  isCurrent(entry: Entry): boolean {
    const knowledge = this.#knowledge;
    if (entry.checkedAt === knowledge.changes) return true;
    if (!knowledge.isCurrent(entry.key, entry.tags, entry.seq)) return false;
    entry.checkedAt = knowledge.changes;
    entry.seq = knowledge.position;
    return true;
  }

  put(entry: Entry): void {
    const old = entry.type.index.get(entry.owner, entry.rest);
    if (old !== undefined) this.remove(old);
    entry.hash = hashText(entry.key, this.#seed);
    entry.weight = this.#weightOf(entry.bytes);
    if (entry.weight > this.#maxEntries * LARGEST_SHARE) return;
    entry.type.index.add(entry);
    this.#count(entry, 1, entry.bytes);
    this.#policy.add(entry);
  }

  /** The entry takes more or fewer bytes than before. */
  resize(entry: Entry, bytes: number): void {
    if (entry.type.index.get(entry.owner, entry.rest) !== entry) return;
    this.#count(entry, 0, bytes - entry.bytes);
    entry.bytes = bytes;
    this.#policy.reweigh(entry, this.#weightOf(bytes));
  }

  remove(entry: Entry): void {
    this.#policy.remove(entry);
    this.#forget(entry);
  }

  clear(): void {
    for (const entry of this.#all()) this.remove(entry);
  }

  /** Removes all that match; stops after each `slice` entries to say how many of them went. */
  *removeInSlices(matches: (entry: Entry) => boolean, slice: number): Generator<number> {
    let looked = 0;
    let removed = 0;
    for (const entry of this.#all()) {
      if (matches(entry)) {
        this.remove(entry);
        removed++;
      }
      if (++looked % slice !== 0) continue;
      yield removed;
      removed = 0;
    }
    yield removed;
  }

  /** Gives up the least useful part of what is held, for when memory is short. */
  evictLeastUsed(fraction: number): { entries: number; bytes: number } {
    const entries = this.size;
    const bytes = this.#bytes;
    this.#policy.shrinkTo(this.#policy.weight * (1 - fraction));
    return { entries: entries - this.size, bytes: bytes - this.#bytes };
  }

  /** Removes what is dead among the next `slice` entries. */
  sweep(slice: number): void {
    const now = this.#clock.now();
    this.#round ??= this.#all();
    for (let i = 0; i < slice; i++) {
      const step = this.#round.next();
      if (step.done) {
        this.#round = undefined;
        return;
      }
      const entry = step.value;
      if (entry.expiresAt <= now) {
        entry.type.counts.expirations++;
        this.remove(entry);
      } else if (!this.isCurrent(entry)) this.remove(entry);
    }
  }

  *#all(): Generator<Entry> {
    for (const type of this.#types) yield* type.index.values();
  }

  #weightOf(bytes: number): number {
    return Math.max(1, bytes / this.#bytesAtWeightOne);
  }

  #forget(entry: Entry): void {
    if (!entry.type.index.delete(entry)) return;
    this.#count(entry, -1, -entry.bytes);
  }

  #count(entry: Entry, entries: number, bytes: number): void {
    this.#bytes += bytes;
    entry.type.counts.entries += entries;
    entry.type.counts.bytes += bytes;
  }
}

/** An entry that would take more than this of the whole is not worth what it would push out. */
const LARGEST_SHARE = 0.25;
