/** Text is latin1, so that bytes beyond ASCII in a head pass through unchanged. */
type Piece = string | Uint8Array;

/** Takes as many of the bytes as it can, and says how many; it does not keep them. */
type Writable = { write(bytes: Uint8Array): number };

/**
 * How much of a large body leaves together with its head: a head in a packet of its own costs both
 * ends more than the copy. With it, bodies of 100 kB take two thirds of the processor.
 */
const companyBytes = 16 * 1024;

/** Where pieces are put side by side; used by one outbox at a time, for as long as one write takes. */
const scratch = Buffer.allocUnsafe(64 * 1024);

/**
 * What is to be written to one socket, in order. Heads and the pieces of bodies that come together
 * leave in one write.
 */
export class Outbox {
  readonly #pieces: Piece[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(piece: Piece): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
  }

  /** @returns how many bytes the socket took; what it did not is still here */
  sendTo(socket: Writable): number {
    let sent = 0;
    while (this.#pieces.length > 0) {
      const gathered = this.#gather();
      // A closed socket answers -1; its close event is on its way.
      const written = Math.max(0, socket.write(gathered));
      sent += written;
      this.#bytes -= written;
      if (written < gathered.length) {
        const rest = gathered.subarray(written);
        this.#pieces.unshift(gathered.buffer === scratch.buffer ? Buffer.from(rest) : rest);
        return sent;
      }
    }
    return sent;
  }

  /** Takes as many pieces as fit together, or a large one alone. */
  #gather(): Uint8Array {
    const pieces = this.#pieces;
    const [first = ""] = pieces;
    const isAlone = pieces.length === 1 && typeof first !== "string";
    if (isAlone || first.length > scratch.length) {
      pieces.shift();
      return typeof first === "string" ? Buffer.from(first, "latin1") : first;
    }
    let at = 0;
    let taken = 0;
    for (const piece of pieces) {
      if (at + piece.length > scratch.length) {
        if (at <= companyBytes && typeof piece !== "string") {
          scratch.set(piece.subarray(0, companyBytes), at);
          at += companyBytes;
          pieces[taken] = piece.subarray(companyBytes);
        }
        break;
      }
      if (typeof piece === "string") scratch.write(piece, at, "latin1");
      else scratch.set(piece, at);
      at += piece.length;
      taken++;
    }
    if (taken === pieces.length) pieces.length = 0;
    else pieces.splice(0, taken);
    return scratch.subarray(0, at);
  }
}
