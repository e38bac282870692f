/** One key that something can be purged by, while anybody holds it. */
type Key = { readonly name: string; purgedAt: number; holders: number };

/** Keys of one response. */
export type HeldKeys = readonly Key[];

/**
 * What was purged, and when, in the numbers of a clock that never stands still. A purge is one entry
 * here, however many responses it meets: each is asked about its keys when it is used next.
 *
 * A key is known as long as a response holds it. A purge that comes while a response is on its way,
 * with keys that nobody knows yet, is remembered until those that were asked for before have come.
 */
export class PurgeLedger {
  readonly #keys = new Map<string, Key>();
  readonly #now: () => number;
  /** Purges that an answer under way may have missed, oldest first. */
  #recent: { name: string; at: number }[] = [];
  readonly #underWay = new Set<number>();
  #allPurgedAt = 0;
  #last = 0;

  /** @param now wall clock, in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A number later than all before, also than those of an earlier process unless the clock was set back. */
  tick(): number {
    this.#last = Math.max(this.#last + 1, Math.round(this.#now() * 1000));
    return this.#last;
  }

  /** Begins to remember purges for an answer that is asked for now. @returns when that was */
  depart(): number {
    const at = this.tick();
    this.#underWay.add(at);
    return at;
  }

  /** The answer has come, and holds its keys if it was kept. */
  arrive(departedAt: number): void {
    this.#underWay.delete(departedAt);
    if (this.#underWay.size === 0) {
      this.#recent = [];
      return;
    }
    // In the order in which they were added, and so the first is the oldest.
    const [oldest = 0] = this.#underWay;
    while (this.#recent[0] !== undefined && this.#recent[0].at < oldest) this.#recent.shift();
  }

  hold(names: readonly string[]): HeldKeys {
    return names.map((name) => {
      let key = this.#keys.get(name);
      if (key === undefined) {
        key = { name, purgedAt: this.#recentlyPurgedAt(name), holders: 0 };
        this.#keys.set(name, key);
      }
      key.holders++;
      return key;
    });
  }

  release(keys: HeldKeys): void {
    for (const key of keys) {
      if (--key.holders === 0) this.#keys.delete(key.name);
    }
  }

  /** Whether a response has this key. */
  isHeld(name: string): boolean {
    return this.#keys.has(name);
  }

  purge(name: string, at = this.tick()): void {
    const key = this.#keys.get(name);
    if (key !== undefined) key.purgedAt = Math.max(key.purgedAt, at);
    if (this.#underWay.size > 0) this.#recent.push({ name, at });
  }

  purgeAll(at = this.tick()): void {
    this.#allPurgedAt = Math.max(this.#allPurgedAt, at);
  }

  /** Whether what was asked for then, and has these keys, has been purged since. */
  isPurged(keys: HeldKeys, askedAt: number): boolean {
    if (askedAt <= this.#allPurgedAt) return true;
    for (const key of keys) if (askedAt <= key.purgedAt) return true;
    return false;
  }

  #recentlyPurgedAt(name: string): number {
    return this.#recent.findLast((purge) => purge.name === name)?.at ?? 0;
  }
}

/** The key that each response has of its own: its target, under whatever host it was asked for. */
export function urlKey(target: string): string {
  return `url ${target}`;
}

/** The keys that a Surrogate-Key field names. */
export function surrogateKeys(value: string | undefined): string[] {
  return value === undefined ? [] : [...new Set(value.split(/[\s,]+/).filter(Boolean))].map(tagKey);
}

export function tagKey(tag: string): string {
  return `tag ${tag}`;
}
