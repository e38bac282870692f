import { colon, cr, isTokenCode, isValueCode, lf, space, tab } from "./characters.ts";
import { MessageError } from "./message-error.ts";

/**
 * Walks the header lines of a head, one `next()` a line, and checks each byte on the way: names are
 * tokens that end right at the colon, values hold no control character, lines end with CRLF. That
 * leaves no room for folded lines, bare line feeds, NUL, or a space before the colon.
 *
 * `head` is the whole head as latin1 text, with the empty line at its end.
 */
export class HeaderScanner {
  #head = "";
  /** Where the line begins, its name ends, and its value begins and ends. */
  start = 0;
  nameEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  /** Where the next line begins. */
  end = 0;

  reset(head: string, at: number): void {
    this.#head = head;
    this.end = at;
  }

  /** @returns whether there was another line. */
  next(): boolean {
    const head = this.#head;
    let at = this.end;
    this.start = at;
    while (isTokenCode[head.charCodeAt(at)] === 1) at++;
    if (head.charCodeAt(at) !== colon || at === this.start) {
      if (head.charCodeAt(at) === cr && at === this.start && at + 2 === head.length) return false;
      throw new MessageError("A header line does not begin with a name and a colon.");
    }
    this.nameEnd = at;
    at++;
    while (isBlank(head.charCodeAt(at))) at++;
    this.#valueStart = at;
    while (isValueCode[head.charCodeAt(at)] === 1) at++;
    if (head.charCodeAt(at) !== cr || head.charCodeAt(at + 1) !== lf) {
      throw new MessageError("A header's value holds a control character.");
    }
    this.end = at + 2;
    while (at > this.#valueStart && isBlank(head.charCodeAt(at - 1))) at--;
    this.#valueEnd = at;
    return true;
  }

  get name(): string {
    return this.#head.slice(this.start, this.nameEnd).toLowerCase();
  }

  /** Without the blanks around it. */
  get value(): string {
    return this.#head.slice(this.#valueStart, this.#valueEnd);
  }

  /**
   * A number that few names share, from the length and the first letter: whoever looks for certain
   * names looks at this first, and makes no text of the names that pass through.
   */
  get key(): number {
    return nameKey(this.nameEnd - this.start, this.#head.charCodeAt(this.start));
  }
}

const lengths = 32;

export function nameKey(length: number, first: number): number {
  return (length & (lengths - 1)) | ((first & 31) << 5);
}

/** The keys of names to look for, as `HeaderScanner.key` gives them; 1 where one of them is. */
export function nameKeys(names: readonly string[]): Uint8Array {
  const keys = new Uint8Array(lengths * 32);
  for (const name of names) keys[nameKey(name.length, name.charCodeAt(0))] = 1;
  return keys;
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
