import type { EntryIndex } from "./memory/entry-index.ts";
import type { ResolvedType } from "./type-table.ts";

/** The counts of one type since the start. Plain numbers, since a hit adds to them. */
export class TypeCounts {
  memoryHits = 0;
  memoryMisses = 0;
  /**
   * Of those that memory had nothing fresh for: reads that found their value all the same, in Redis,
   * past its lifetime, or in somebody else's load.
   */
  otherHits = 0;
  /** The others of them: the source was asked for the value, or nobody was. */
  misses = 0;
  redisHits = 0;
  redisMisses = 0;
  loads = 0;
  loadFailures = 0;
  loadMs = 0;
  staleServed = 0;
  /** Readers that shared somebody else's load. */
  coalesced = 0;
  refreshes = 0;
  evictions = 0;
  expirations = 0;
  /** Loads whose value was old by the time they ended, and was not kept. */
  overtaken = 0;
  entries = 0;
  bytes = 0;
}

/** A type at work: its definition, its counts, and its entries in memory. */
export interface TypeState extends ResolvedType {
  readonly counts: TypeCounts;
  readonly index: EntryIndex;
}

/**
 * All types by name: an object without a prototype, since engines find a name that stands in the
 * code in it by the place of the call. In a map a hit would take 11 ns more.
 */
export type TypeStates = Readonly<Record<string, TypeState>>;
