import type { FrameClock, Framed } from "../../frame-clock.ts";
import type { SharedStream } from "../shared-stream.ts";
import type { AnswerEntry } from "./answer-entry.ts";

/** After so many entries the text is written as one again, which bounds the Redis stream. */
const maxEntries = 2048;

/**
 * Writes a stream's text to where other servers read it, while any do: first all there is, then
 * what comes, gathered into frames. One write is under way at a time; one that fails is made again
 * with the next change or `start`, from the last that succeeded.
 */
export class Publisher implements Framed {
  readonly #stream: SharedStream;
  readonly #clock: FrameClock;
  readonly #write: (entry: AnswerEntry, isWhole: boolean) => Promise<void>;
  #unwatch: (() => void) | undefined;
  /** What has been written: pieces of the stream, their length, and the entries it took. */
  #written = { pieces: 0, length: 0, entries: 0 };
  #isWriting = false;
  #isWaiting = false;
  #lastFlushMs = Number.NEGATIVE_INFINITY;

  /** @param write may fail; an entry that is whole replaces those before it */
  constructor(
    stream: SharedStream,
    clock: FrameClock,
    write: (entry: AnswerEntry, isWhole: boolean) => Promise<void>,
  ) {
    this.#stream = stream;
    this.#clock = clock;
    this.#write = write;
  }

  get isOn(): boolean {
    return this.#unwatch !== undefined;
  }

  /** Begins, or tries again what failed. */
  start(): void {
    this.#unwatch ??= this.#stream.watch(() => this.#changed());
    this.#changed();
  }

  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#written = { pieces: 0, length: 0, entries: 0 };
  }

  /** What has not been written, or may not have been. */
  rest(): AnswerEntry {
    const { pieces, length } = this.#written;
    return { at: length, text: this.#stream.text(pieces) };
  }

  flush(nowMs: number): void {
    this.#isWaiting = false;
    if (!this.isOn || this.#isWriting || this.#written.pieces === this.#stream.pieceCount) return;
    this.#lastFlushMs = nowMs;
    this.#isWriting = true;
    void this.#flush(); // it catches every failure
  }

  #changed(): void {
    if (this.#isWaiting || this.#written.pieces === this.#stream.pieceCount) return;
    this.#isWaiting = this.#clock.schedule(this, this.#lastFlushMs);
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    if (this.#written.entries >= maxEntries) {
      this.#written = { pieces: 0, length: 0, entries: 0 };
    }
    const before = this.#written;
    const entry = this.rest();
    const after = {
      pieces: this.#stream.pieceCount,
      length: entry.at + entry.text.length,
      entries: before.entries + 1,
    };
    try {
      await this.#write(entry, entry.at === 0);
    } catch {
      this.#isWriting = false;
      return;
    }
    this.#isWriting = false;
    // Otherwise it was stopped meanwhile, and perhaps started again for others.
    if (this.#written === before) this.#written = after;
    if (this.isOn) this.#changed();
  }
}
