/**
 * Makes text that arrives in pieces fit to be stored and sent piece by piece: half a surrogate pair
 * at the end waits for its other half, a half that never gets one becomes U+FFFD, NUL is left out
 * (Postgres cannot store it), and the whole is at most `maxLength` UTF-16 code units long.
 */
export class DeltaText {
  readonly #maxLength: number;
  #length = 0;
  #held = "";
  #isFull = false;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Length of what was given out, in UTF-16 code units. */
  get length(): number {
    return this.#length;
  }

  /** More came than `maxLength` allows; the rest was left out. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** @returns what can be given out now; may be empty */
  push(piece: string): string {
    let text = this.#held + piece;
    this.#held = "";
    if (text.includes("\0")) text = text.replaceAll("\0", "");
    if (isHighSurrogate(text.charCodeAt(text.length - 1))) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    }
    return this.#take(text);
  }

  /** @returns what was held back, at the end of the text */
  end(): string {
    const text = this.#held;
    this.#held = "";
    return this.#take(text);
  }

  #take(text: string): string {
    let taken = text.isWellFormed() ? text : text.toWellFormed();
    const room = this.#maxLength - this.#length;
    if (taken.length > room) {
      this.#isFull = true;
      taken = taken.slice(0, isHighSurrogate(taken.charCodeAt(room - 1)) ? room - 1 : room);
    }
    this.#length += taken.length;
    return taken;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
