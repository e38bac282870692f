import type { Entry } from "./entry.ts";

/**
 * The entries of one type by owner, then by the rest of the key.
 *
 * Looking a key up part by part spares a hit from building the whole key first, which would cost
 * more than all the rest of it: two look-ups of texts that are there already, and no allocation. An
 * owner with a single entry, as most have of most types, needs no map of its own.
 */
export class EntryIndex {
  readonly #owners = new Map<string, Entry | Map<string, Entry>>();

  get(owner: string, rest: string): Entry | undefined {
    const found = this.#owners.get(owner);
    if (found === undefined) return undefined;
    if (found instanceof Map) return found.get(rest);
    return found.rest === rest ? found : undefined;
  }

  /** Puts an entry in where there is none. */
  add(entry: Entry): void {
    const { owner, rest } = entry;
    const found = this.#owners.get(owner);
    if (found === undefined) this.#owners.set(owner, entry);
    else if (found instanceof Map) found.set(rest, entry);
    else {
      const entries = new Map([
        [found.rest, found],
        [rest, entry],
      ]);
      this.#owners.set(owner, entries);
    }
  }

  /** Takes this very entry out; says whether it was in. */
  delete(entry: Entry): boolean {
    const { owner, rest } = entry;
    const found = this.#owners.get(owner);
    if (found === entry) return this.#owners.delete(owner);
    if (!(found instanceof Map) || found.get(rest) !== entry) return false;
    found.delete(rest);
    if (found.size === 0) this.#owners.delete(owner);
    return true;
  }

  /** All entries. Some may go and others come while this is under way. */
  *values(): Generator<Entry> {
    for (const found of this.#owners.values()) {
      if (found instanceof Map) yield* found.values();
      else yield found;
    }
  }
}
