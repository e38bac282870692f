const poolBytes = 4096;

/**
 * Ids of traces and spans, out of bytes that are drawn 4 kB at a time, since a draw costs more than
 * its bytes. Their text is made once for all of a draw, and not at all where nobody asks for it: a
 * trace that is not kept takes 16 bytes and leaves no string behind.
 *
 * Pseudorandom would be enough: an id has to be unique, and guards nothing.
 */
export class RandomIds {
  readonly #bytes = Buffer.alloc(poolBytes);
  #text = "";
  #next = poolBytes;

  /** Takes so many bytes. @returns where they are, good until the next are taken */
  take(count: number): number {
    if (this.#next + count > poolBytes) {
      crypto.getRandomValues(this.#bytes);
      this.#text = "";
      this.#next = 0;
    }
    const at = this.#next;
    this.#next += count;
    return at;
  }

  /** Of the trace id that was taken here, what `randomnessOf` says of its text. */
  randomness(at: number): number {
    return this.#bytes.readUIntBE(at + 9, 1) * 2 ** 48 + this.#bytes.readUIntBE(at + 10, 6);
  }

  /** In hexadecimal. */
  text(at: number, count: number): string {
    this.#text ||= this.#bytes.toString("hex");
    return this.#text.slice(2 * at, 2 * (at + count));
  }
}
