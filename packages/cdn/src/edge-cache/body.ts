/** Somebody who reads a body while it comes, at a pace of their own. */
export interface BodyReader {
  /** Up to where it has read. */
  readonly position: number;
  /** More has come, or its end, or it has broken off. */
  bodyChanged(): void;
}

/** How far the fastest may be ahead of the slowest reader of a body that is too large to be kept. */
const windowBytes = 1 << 20;
const firstBytes = 16 << 10;

/**
 * A body that comes piece by piece and is read by many while it does. All of it is held in one
 * buffer, so that each reader has its own pace and a hit later is one write without a copy.
 *
 * A body that turns out too large to be kept is only passed on: what all readers have is dropped, and
 * `isAhead` asks its sender to wait for the slowest.
 */
export class Body {
  #buffer: Buffer;
  /** How much was dropped before the buffer's first byte. */
  #base = 0;
  #length = 0;
  #state: "growing" | "whole" | "broken" = "growing";
  #isKept = true;
  /** Its length, where that was known before. */
  readonly expectedBytes: number | undefined;
  /** Called when its sender need not wait any longer. */
  onCaughtUp: (() => void) | undefined;
  #wasAhead = false;
  readonly #readers = new Set<BodyReader>();

  constructor(expectedBytes?: number) {
    this.expectedBytes = expectedBytes;
    this.#buffer = Buffer.allocUnsafeSlow(expectedBytes ?? firstBytes);
  }

  /** One that is whole. */
  static of(bytes: Buffer): Body {
    const body = new Body(0);
    body.#buffer = bytes;
    body.#length = bytes.length;
    body.#state = "whole";
    return body;
  }

  get length(): number {
    return this.#length;
  }

  /** Of memory that it takes. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  get isWhole(): boolean {
    return this.#state === "whole";
  }

  get isBroken(): boolean {
    return this.#state === "broken";
  }

  /** Whether all of it will be there at the end. */
  get isKept(): boolean {
    return this.#isKept;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  /** Whether its sender is to wait until readers have caught up. */
  get isAhead(): boolean {
    this.#wasAhead = !this.#isKept && this.#length - this.#slowest() > windowBytes;
    return this.#wasAhead;
  }

  /** A reader has moved on, or left. */
  moved(): void {
    if (this.#wasAhead && !this.isAhead) this.onCaughtUp?.();
  }

  /** What there is from here on, without a copy. */
  from(position: number): Buffer {
    return this.#buffer.subarray(position - this.#base, this.#length - this.#base);
  }

  append(bytes: Uint8Array): void {
    const used = this.#length - this.#base;
    if (used + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#length - this.#base);
    this.#length += bytes.length;
    this.#tell();
  }

  /** It is too large: from here on it is only passed on. */
  letGo(): void {
    this.#isKept = false;
  }

  /** It is whole. Readers are told by `announce`, so that it can be stored before. */
  seal(): void {
    this.#state = "whole";
    if (this.expectedBytes === undefined && this.#isKept) this.#buffer = Buffer.from(this.from(0));
  }

  announce(): void {
    this.#tell();
  }

  breakOff(): void {
    this.#state = "broken";
    this.#tell();
  }

  join(reader: BodyReader): void {
    this.#readers.add(reader);
  }

  leave(reader: BodyReader): void {
    this.#readers.delete(reader);
    this.moved();
  }

  /** What was handed out before stays as it is, in the buffer that it was in. */
  #makeRoom(bytes: number): void {
    const keepFrom = this.#isKept ? this.#base : this.#slowest();
    const kept = this.from(keepFrom);
    const needed = kept.length + bytes;
    const room = this.#isKept ? Math.max(needed, 2 * this.#buffer.length) : needed + windowBytes;
    const buffer = Buffer.allocUnsafeSlow(room);
    buffer.set(kept);
    this.#buffer = buffer;
    this.#base = keepFrom;
  }

  #slowest(): number {
    let position = this.#length;
    for (const reader of this.#readers) position = Math.min(position, reader.position);
    return position;
  }

  #tell(): void {
    for (const reader of [...this.#readers]) reader.bodyChanged();
  }
}
