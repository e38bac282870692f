import { emptySlot, type Slot } from "./slot.ts";
import { TimeHistogram } from "./time-histogram.ts";

const version = 1;

/** A slot is damaged, or was written by a newer version. */
export class SlotFormatError extends Error {
  override readonly name = "SlotFormatError";
}

/**
 * The stored form of a slot: three lists (counts, values, times), each entry with its name. Whole
 * numbers are LEB128, others 8 bytes; a histogram is pairs of the distance to the bucket before and
 * the count. A busy second is about 400 bytes, a quiet one 100.
 */
export function encodeSlot(slot: Slot): Uint8Array {
  const out = new Writer();
  out.integer(version);
  out.integer(slot.counts.size);
  for (const [name, count] of slot.counts) {
    out.text(name);
    out.integer(count);
  }
  out.integer(slot.values.size);
  for (const [name, { count, sum, max }] of slot.values) {
    out.text(name);
    out.integer(count);
    out.float(sum);
    out.float(max);
  }
  out.integer(slot.times.size);
  for (const [name, { buckets, sumSeconds }] of slot.times) {
    out.text(name);
    out.float(sumSeconds);
    out.integer(buckets.size);
    let last = 0;
    for (const bucket of [...buckets.keys()].sort((a, b) => a - b)) {
      out.integer(bucket - last);
      out.integer(buckets.get(bucket) ?? 0);
      last = bucket;
    }
  }
  return out.bytes();
}

/** @throws SlotFormatError */
export function decodeSlot(bytes: Uint8Array): Slot {
  const from = new Reader(bytes);
  const written = from.integer();
  if (written !== version)
    throw new SlotFormatError(`a slot of version ${written}, not ${version}`);
  const slot = emptySlot();
  for (let left = from.integer(); left > 0; left--) slot.counts.set(from.text(), from.integer());
  for (let left = from.integer(); left > 0; left--) {
    const name = from.text();
    slot.values.set(name, { count: from.integer(), sum: from.float(), max: from.float() });
  }
  for (let left = from.integer(); left > 0; left--) {
    const name = from.text();
    const sumSeconds = from.float();
    const buckets = new Map<number, number>();
    let bucket = 0;
    for (let pairs = from.integer(); pairs > 0; pairs--) {
      bucket += from.integer();
      buckets.set(bucket, from.integer());
    }
    slot.times.set(name, new TimeHistogram(buckets, sumSeconds));
  }
  return slot;
}

class Writer {
  #bytes = new Uint8Array(512);
  #length = 0;

  integer(value: number): void {
    this.#reserve(10);
    let rest = value;
    // Not by shifts, which end at 32 bits.
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  float(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.integer(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * this.#bytes.length + length);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  integer(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#take(1)] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > Number.MAX_SAFE_INTEGER) throw new SlotFormatError("a number has no end");
    }
  }

  float(): number {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return new DataView(buffer, byteOffset, byteLength).getFloat64(this.#take(8), true);
  }

  text(): string {
    const length = this.integer();
    const start = this.#take(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new SlotFormatError("a slot is cut off");
    this.#at += length;
    return start;
  }
}
