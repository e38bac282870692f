import type { Entry } from "./entry.ts";

/**
 * The entries of one type by what follows the owner in their keys, then by owner.
 *
 * Looking a key up part by part spares a hit from building the whole key first, which would cost
 * more than all the rest of it. What follows the owner comes first because it is mostly an id that
 * no other owner has: then there is one look-up, and the owner is compared. Where owners share it
 * (the first page of a list), it holds a map of owners.
 */
export class EntryIndex {
  readonly #found = new Map<string, Entry | Map<string, Entry>>();

  get(owner: string, rest: string): Entry | undefined {
    const found = this.#found.get(rest);
    if (found === undefined) return undefined;
    if (found instanceof Map) return found.get(owner);
    return found.owner === owner ? found : undefined;
  }

  /** Puts an entry in where there is none. */
  add(entry: Entry): void {
    const { owner, rest } = entry;
    const found = this.#found.get(rest);
    if (found === undefined) this.#found.set(rest, entry);
    else if (found instanceof Map) found.set(owner, entry);
    else {
      const entries = new Map([
        [found.owner, found],
        [owner, entry],
      ]);
      this.#found.set(rest, entries);
    }
  }

  /** Takes this very entry out; says whether it was in. */
  delete(entry: Entry): boolean {
    const { owner, rest } = entry;
    const found = this.#found.get(rest);
    if (found === entry) return this.#found.delete(rest);
    if (!(found instanceof Map) || found.get(owner) !== entry) return false;
    found.delete(owner);
    if (found.size === 0) this.#found.delete(rest);
    return true;
  }

  /** All entries. Some may go and others come while this is under way. */
  *values(): Generator<Entry> {
    for (const found of this.#found.values()) {
      if (found instanceof Map) yield* found.values();
      else yield found;
    }
  }
}
