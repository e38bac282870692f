/** The same numbers on each run, from 0 to below 1 (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** Many small ones and a long tail of large ones: half are below about twice the least. */
  longTailed(least: number, most: number): number {
    return Math.min(most, Math.floor(least / (1 - this.next()) ** 0.9));
  }

  /** A UUIDv7 of this moment. */
  id(atMs: number): string {
    const time = Math.floor(atMs).toString(16).padStart(12, "0");
    const hex = (length: number) =>
      this.below(16 ** length)
        .toString(16)
        .padStart(length, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-${(8 + this.below(4)).toString(16)}${hex(3)}-${hex(6)}${hex(6)}`;
  }
}
