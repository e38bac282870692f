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
  readonly #found = new Map<string, Entry | SharedRest>();

  get(owner: string, rest: string): Entry | undefined {
    const found = this.#found.get(rest);
    if (found === undefined) return undefined;
    if (found.owner === owner) return found;
    return found instanceof SharedRest ? found.get(owner) : undefined;
  }

  /** Puts an entry in where there is none. */
  add(entry: Entry): void {
    const { owner, rest } = entry;
    const found = this.#found.get(rest);
    if (found === undefined) this.#found.set(rest, entry);
    else if (found instanceof SharedRest) found.set(owner, entry);
    else {
      const entries = new SharedRest();
      entries.set(found.owner, found).set(owner, entry);
      this.#found.set(rest, entries);
    }
  }

  /** Takes this very entry out; says whether it was in. */
  delete(entry: Entry): boolean {
    const { owner, rest } = entry;
    const found = this.#found.get(rest);
    if (found === entry) return this.#found.delete(rest);
    if (!(found instanceof SharedRest) || found.get(owner) !== entry) return false;
    found.delete(owner);
    if (found.size === 0) this.#found.delete(rest);
    return true;
  }

  /** All entries. Some may go and others come while this is under way. */
  *values(): Generator<Entry> {
    for (const found of this.#found.values()) {
      if (found instanceof SharedRest) yield* found.values();
      else yield found;
    }
  }
}

/** The entries of several owners whose keys go on alike. */
class SharedRest extends Map<string, Entry> {
  /** So that a look-up need not ask first which of the two it found. */
  readonly owner = undefined;
}
