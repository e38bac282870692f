import { someGuard } from "../guards.ts";
import { compileGlob } from "../pattern.ts";
import type { LogRecord, LogSnapshot } from "./records.ts";

/**
 * What this process knows of invalidations: for each guard the number of its last record, and which
 * guards have a write pending. It decides whether a value is current.
 *
 * A value is stamped with `position` before its load begins. Everything committed and bumped up to
 * that number is in the value; it is current as long as none of its guards has a higher number and
 * none is pending. `changes` counts anything that could turn a current value old, so that an entry
 * checked at the same count need not be checked again: that is the whole cost of a hit.
 *
 * `leaseUntil` and `verifyUntil` (clock time) say how long this knowledge may be relied upon; who
 * follows the log sets them. A process alone has them at infinity.
 */
export class Knowledge {
  epoch = "";
  /** Number of the last record taken in. */
  position = 0;
  /** Numbers up to here may have been forgotten: a stamp below says nothing. */
  floor = 0;
  changes = 0;
  /** Counts epochs and resets: a load that began in another generation is not stored. */
  generation = 0;
  leaseUntil = Number.NEGATIVE_INFINITY;
  verifyUntil = Number.NEGATIVE_INFINITY;
  readonly #versions = new Map<string, number>();
  readonly #held = new Map<string, number>();
  readonly #pending = new Map<string, readonly string[]>();
  #patterns: { readonly glob: string; readonly seq: number; readonly matches: RegExp }[] = [];
  readonly #maxVersions: number;

  constructor(options: { maxVersions: number }) {
    this.#maxVersions = options.maxVersions;
  }

  /** Whether nothing that guards the entry was invalidated since `seq`, nor is about to be. */
  isCurrent(key: string, tags: readonly string[], seq: number): boolean {
    if (seq < this.floor) return false;
    const versions = this.#versions;
    const held = this.#held;
    if (versions.size === 0 && held.size === 0) return !this.#patternSince(key, seq);
    const old = someGuard(key, tags, (guard) => {
      const version = versions.get(guard);
      return (version !== undefined && version > seq) || held.has(guard);
    });
    return !old && !this.#patternSince(key, seq);
  }

  /** Whether a write that touches the entry is pending. */
  isPending(key: string, tags: readonly string[]): boolean {
    if (this.#held.size === 0) return false;
    return someGuard(key, tags, (guard) => this.#held.has(guard));
  }

  /** Marks guards as pending by this process's own word, before the log says so. */
  hold(guards: readonly string[]): void {
    this.changes++;
    for (const guard of guards) this.#held.set(guard, (this.#held.get(guard) ?? 0) + 1);
  }

  release(guards: readonly string[]): void {
    for (const guard of guards) {
      const count = this.#held.get(guard) ?? 0;
      if (count <= 1) this.#held.delete(guard);
      else this.#held.set(guard, count - 1);
    }
  }

  apply(record: LogRecord): void {
    this.position = record.seq;
    this.changes++;
    if (record.kind === "pattern") {
      this.#addPattern(record.guards[0] ?? "", record.seq);
      return;
    }
    for (const guard of record.guards) {
      // Deleted first, so that the map's order is the order of the numbers.
      this.#versions.delete(guard);
      this.#versions.set(guard, record.seq);
    }
    if (record.kind === "pending") this.#begin(record.id, record.guards);
    else this.#end(record.id);
    if (this.#versions.size > this.#maxVersions) this.#forget(this.#maxVersions * 0.9);
  }

  /** Starts anew from a snapshot. What was loaded before is not current any more. */
  reset(snapshot: LogSnapshot): void {
    this.epoch = snapshot.epoch;
    this.position = snapshot.seq;
    this.floor = snapshot.seq;
    this.generation++;
    this.changes++;
    this.#versions.clear();
    for (const id of [...this.#pending.keys()]) this.#end(id);
    for (const { id, guards } of snapshot.pending) this.#begin(id, guards);
    this.#patterns = [];
    for (const { glob, seq } of snapshot.patterns) this.#addPattern(glob, seq);
  }

  figures(): { guards: number; pending: number; patterns: number } {
    return {
      guards: this.#versions.size,
      pending: this.#pending.size,
      patterns: this.#patterns.length,
    };
  }

  #begin(id: string, guards: readonly string[]): void {
    if (this.#pending.has(id)) return;
    this.#pending.set(id, guards);
    this.hold(guards);
  }

  #end(id: string): void {
    const guards = this.#pending.get(id);
    if (guards === undefined) return;
    this.#pending.delete(id);
    this.release(guards);
  }

  /** Forgets the oldest numbers until so many are left; stamps from before them say nothing. */
  #forget(left: number): void {
    for (const [guard, seq] of this.#versions) {
      if (this.#versions.size <= left) break;
      this.#versions.delete(guard);
      this.floor = Math.max(this.floor, seq);
    }
  }

  #addPattern(glob: string, seq: number): void {
    this.#patterns = this.#patterns.filter((pattern) => pattern.glob !== glob);
    this.#patterns.push({ glob, seq, matches: compileGlob(glob) });
    if (this.#patterns.length <= MAX_PATTERNS) return;
    const forgotten = this.#patterns.shift();
    if (forgotten !== undefined) this.floor = Math.max(this.floor, forgotten.seq);
  }

  #patternSince(key: string, seq: number): boolean {
    for (const pattern of this.#patterns) {
      if (pattern.seq > seq && pattern.matches.test(key)) return true;
    }
    return false;
  }
}

/** Patterns kept in mind. One more raises the floor instead. */
export const MAX_PATTERNS = 64;
