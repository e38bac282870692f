import type { BodyScanner } from "./body-scanner.ts";
import { cr, isValueCode, lf, semicolon } from "./characters.ts";
import { MessageError } from "./message-error.ts";

/** 2^52 bytes at most in a chunk, so that sizes stay exact. */
const maxSizeDigits = 13;
const maxExtensionBytes = 1024;
const maxTrailerBytes = 16 * 1024;

type State =
  | "size"
  | "extension"
  | "size_lf"
  | "data"
  | "data_cr"
  | "data_lf"
  | "first_trailer"
  | "trailer"
  | "trailer_lf"
  | "next_trailer"
  | "end_lf"
  | "done";

/**
 * The chunks of a chunked body. Sizes are plain hexadecimal digits, and every line ends with CRLF
 * and holds no other control character, so that the bytes mean the same to whoever reads them next
 * and are passed on as they are. Trailers are left out: they could say anything of the message
 * whose head is long gone.
 */
export class ChunkedScanner implements BodyScanner {
  needsEnd = false;
  passTo = 0;
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #lineBytes = 0;

  get isDone(): boolean {
    return this.#state === "done";
  }

  scan(bytes: Uint8Array, from: number, onData?: (piece: Uint8Array) => void): number {
    let at = from;
    this.passTo = from;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#size);
        if (onData !== undefined) onData(bytes.subarray(at, end));
        this.#size -= end - at;
        at = end;
        if (this.#size === 0) this.#state = "data_cr";
      } else {
        this.#step(bytes[at] ?? 0);
        at++;
      }
      if (!this.needsEnd) this.passTo = at;
    }
    return at;
  }

  #step(code: number): void {
    switch (this.#state) {
      case "size":
        this.#readSize(code);
        return;
      case "extension":
        this.#lineBytes++;
        if (code === cr) this.#state = "size_lf";
        else if (isValueCode[code] !== 1 || this.#lineBytes > maxExtensionBytes) {
          throw new MessageError("A chunk's extension is too long or holds a control character.");
        }
        return;
      case "size_lf":
        this.#expect(code, lf);
        this.#digits = 0;
        this.#lineBytes = 0;
        this.#state = this.#size === 0 ? "first_trailer" : "data";
        return;
      case "data_cr":
        this.#expect(code, cr);
        this.#state = "data_lf";
        return;
      case "data_lf":
        this.#expect(code, lf);
        this.#state = "size";
        return;
      case "first_trailer":
        if (code !== cr) this.needsEnd = true;
        this.#startTrailer(code);
        return;
      case "next_trailer":
        this.#startTrailer(code);
        return;
      case "trailer":
        this.#readTrailer(code);
        return;
      case "trailer_lf":
        this.#expect(code, lf);
        this.#state = "next_trailer";
        return;
      case "end_lf":
        this.#expect(code, lf);
        this.#state = "done";
        return;
      default:
        return;
    }
  }

  #readSize(code: number): void {
    const digit = hexDigit(code);
    if (digit >= 0) {
      if (++this.#digits > maxSizeDigits) throw new MessageError("A chunk's size is too large.");
      this.#size = this.#size * 16 + digit;
    } else if (this.#digits > 0 && code === cr) {
      this.#state = "size_lf";
    } else if (this.#digits > 0 && code === semicolon) {
      this.#state = "extension";
    } else {
      throw new MessageError("A chunk's size is not a hexadecimal number.");
    }
  }

  #startTrailer(code: number): void {
    if (code === cr) {
      this.#state = "end_lf";
    } else {
      this.#state = "trailer";
      this.#readTrailer(code);
    }
  }

  #readTrailer(code: number): void {
    this.#lineBytes++;
    if (code === cr) this.#state = "trailer_lf";
    else if (isValueCode[code] !== 1 || this.#lineBytes > maxTrailerBytes) {
      throw new MessageError("A trailer is too long or holds a control character.");
    }
  }

  #expect(code: number, wanted: number): void {
    if (code !== wanted) throw new MessageError("A chunk is not as long as its size says.");
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
