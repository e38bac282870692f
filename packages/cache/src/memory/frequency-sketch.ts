/** A key that is held counts its own uses: what a hit touches anyway, where the counters are not. */
export interface Counted {
  readonly hash: number;
  /** 0 to 15. */
  uses: number;
  /** How often the sketch had been halved when `uses` was last brought up to date. */
  halvings: number;
}

/**
 * How often a key was asked for lately, estimated in constant space: a count-min sketch of four
 * rows, 15 at most a counter, halved when as many events were counted as eight times the
 * capacity, so that the past fades.
 *
 * The counters are for keys that are not held. One that is held counts its uses itself, so that a
 * hit costs an addition and no look at a table larger than the processor's cache; what it counted
 * goes into the counters when it leaves.
 *
 * The four counters of a key lie in one block of 64 bytes (one cache line); 32 counters for each
 * entry make collisions rare, which on small stores is worth a point of hit ratio. Hashes are made
 * by the caller once an entry. Growing starts from an empty sketch: it happens while the store
 * fills, when nothing is evicted yet.
 */
export class FrequencySketch {
  #counters = new Uint8Array(64);
  #blockMask = 0;
  #capacity = 0;
  #events = 0;
  #halvings = 0;
  #sampleSize = 0;

  constructor(capacity: number) {
    this.grow(capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Makes room for so many entries. Never shrinks. */
  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    const blocks = nextPowerOfTwo(Math.ceil((capacity * 32) / 64));
    this.#counters = new Uint8Array(blocks * 64);
    this.#blockMask = blocks - 1;
    this.#sampleSize = capacity * 8;
    this.#events = 0;
  }

  /** The estimate for a key that is not held, 0 to 15. */
  frequency(hash: number): number {
    const counters = this.#counters;
    const base = (hash & this.#blockMask) << 6;
    const spread = remix(hash);
    const a = counters[base + (spread & 15)] as number;
    const b = counters[base + 16 + ((spread >>> 8) & 15)] as number;
    const c = counters[base + 32 + ((spread >>> 16) & 15)] as number;
    const d = counters[base + 48 + ((spread >>> 24) & 15)] as number;
    return Math.min(a, b, c, d);
  }

  /** The same for one that is. */
  frequencyOf(held: Counted): number {
    if (held.halvings !== this.#halvings) this.#fade(held);
    return held.uses;
  }

  /** Counts a request for a key that is not held. */
  increment(hash: number): void {
    // A key at 15 says nothing new and must not hasten the ageing of the others.
    const known = this.frequency(hash);
    if (known === MAX_COUNT) return;
    this.raise(hash, known + 1);
    this.#countEvent();
  }

  /** Counts a request for a key that is held. */
  use(held: Counted): void {
    if (held.halvings !== this.#halvings) this.#fade(held);
    if (held.uses === MAX_COUNT) return;
    held.uses++;
    this.#countEvent();
  }

  /** From now on the key counts its own uses, beginning with the estimate. */
  hold(key: Counted): void {
    key.uses = this.frequency(key.hash);
    key.halvings = this.#halvings;
  }

  /** The estimate becomes at least `count`. */
  raise(hash: number, count: number): void {
    const counters = this.#counters;
    const base = (hash & this.#blockMask) << 6;
    const spread = remix(hash);
    raiseTo(counters, base + (spread & 15), count);
    raiseTo(counters, base + 16 + ((spread >>> 8) & 15), count);
    raiseTo(counters, base + 32 + ((spread >>> 16) & 15), count);
    raiseTo(counters, base + 48 + ((spread >>> 24) & 15), count);
  }

  #countEvent(): void {
    if (++this.#events >= this.#sampleSize) this.#halve();
  }

  #fade(held: Counted): void {
    held.uses >>>= Math.min(31, this.#halvings - held.halvings);
    held.halvings = this.#halvings;
  }

  #halve(): void {
    const words = new Uint32Array(this.#counters.buffer);
    for (let i = 0; i < words.length; i++) words[i] = ((words[i] as number) >>> 1) & 0x07070707;
    this.#halvings++;
    this.#events >>>= 1;
  }
}

const MAX_COUNT = 15;

function raiseTo(counters: Uint8Array, at: number, count: number): void {
  if ((counters[at] as number) < count) counters[at] = count;
}

/** A seeded 31-bit hash of a string (FNV-1a over UTF-16 units, then a finaliser). */
export function hashText(text: string, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 1;
}

function remix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 12);
}

function nextPowerOfTwo(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}
