import type { BodyScanner } from "./body-scanner.ts";

/** A body of so many bytes; of infinitely many where it ends with its connection. */
export class LengthScanner implements BodyScanner {
  readonly needsEnd = false;
  passTo = 0;
  #remaining: number;

  constructor(length: number) {
    this.#remaining = length;
  }

  get isDone(): boolean {
    return this.#remaining === 0;
  }

  scan(bytes: Uint8Array, at: number, onData?: (piece: Uint8Array) => void): number {
    const taken = Math.min(this.#remaining, bytes.length - at);
    this.#remaining -= taken;
    this.passTo = at + taken;
    if (onData !== undefined && taken > 0) onData(bytes.subarray(at, at + taken));
    return this.passTo;
  }
}
