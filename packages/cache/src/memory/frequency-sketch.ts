/**
 * How often a key was asked for lately, estimated in constant space: a count-min sketch of four
 * rows, 15 at most a counter, halved when as many events were counted as eight times the
 * capacity, so that the past fades.
 *
 * The four counters of a key lie in one block of 64 bytes (one cache line); 32 counters for each
 * entry make collisions rare, which on small stores is worth a point of hit ratio. Hashes are made by the caller once an entry, so that a hit costs four
 * additions and no hashing. Growing starts from an empty sketch: it happens while the store fills,
 * when nothing is evicted yet.
 */
export class FrequencySketch {
  #counters = new Uint8Array(64);
  #blockMask = 0;
  #capacity = 0;
  #events = 0;
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

  /** The estimate, 0 to 15. */
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

  increment(hash: number): void {
    const counters = this.#counters;
    const base = (hash & this.#blockMask) << 6;
    const spread = remix(hash);
    const i = base + (spread & 15);
    const j = base + 16 + ((spread >>> 8) & 15);
    const k = base + 32 + ((spread >>> 16) & 15);
    const l = base + 48 + ((spread >>> 24) & 15);
    const a = counters[i] as number;
    const b = counters[j] as number;
    const c = counters[k] as number;
    const d = counters[l] as number;
    if (a < 15) counters[i] = a + 1;
    if (b < 15) counters[j] = b + 1;
    if (c < 15) counters[k] = c + 1;
    if (d < 15) counters[l] = d + 1;
    // A key at 15 everywhere says nothing new and must not hasten the ageing of the others.
    if ((a & b & c & d) !== 15 && ++this.#events >= this.#sampleSize) this.#age();
  }

  #age(): void {
    const words = new Uint32Array(this.#counters.buffer);
    for (let i = 0; i < words.length; i++) words[i] = ((words[i] as number) >>> 1) & 0x07070707;
    this.#events >>>= 1;
  }
}

/** A seeded 32-bit hash of a string (FNV-1a over UTF-16 units, then a finaliser). */
export function hashText(text: string, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
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
