import type { Socket } from "bun";
import { compose } from "./compose.ts";
import type { Limits } from "./limits.ts";
import { Pace } from "./pace.ts";

/**
 * How much of a large body leaves together with its head: a head in a packet of its own costs both
 * ends more than the copy. With it, bodies of 100 kB take two thirds of the CPU.
 */
const headCompanyBytes = 16 * 1024;

/**
 * One end of a connection, with what the kernel would not take yet. Whoever feeds it looks at
 * `isBlocked` and stops reading at the other end until `drained()`, so that no more than what was
 * read at once is ever held.
 */
export class Channel {
  readonly socket: Socket<unknown>;
  readonly #queue: Uint8Array[] = [];
  #isEnding = false;
  #isPaused = false;
  #isClosed = false;
  #writtenBytes = 0;
  #pace: Pace | undefined;

  constructor(socket: Socket<unknown>) {
    this.socket = socket;
  }

  get isBlocked(): boolean {
    return this.#queue.length > 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(bytes: Uint8Array): void {
    this.#write(bytes, false);
  }

  /** A head, and what of its body is there already. */
  writeHead(head: string, body?: Uint8Array): void {
    const together = compose(head, body);
    if (together !== undefined) {
      this.#write(together, true);
      return;
    }
    const beginning = compose(head, body?.subarray(0, headCompanyBytes));
    if (beginning === undefined) {
      this.#write(Buffer.from(head, "latin1"), false);
      if (body !== undefined) this.#write(body, false);
    } else {
      this.#write(beginning, true);
      if (body !== undefined) this.#write(body.subarray(headCompanyBytes), false);
    }
  }

  /** To be called when the kernel takes more. @returns whether all is written. */
  drained(): boolean {
    for (let bytes = this.#queue[0]; bytes !== undefined; bytes = this.#queue[0]) {
      const written = this.#send(bytes);
      if (written < bytes.length) {
        this.#queue[0] = bytes.subarray(written);
        return false;
      }
      this.#queue.shift();
    }
    if (this.#isEnding && !this.#isClosed) this.socket.end();
    return true;
  }

  pause(): void {
    if (this.#isPaused || this.#isClosed) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  /** Ends the connection in good order once all is written. */
  end(): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    if (!this.isBlocked) this.socket.end();
  }

  /** Cuts the connection at once. */
  terminate(): void {
    if (this.#isClosed) return;
    this.closed();
    this.socket.terminate();
  }

  /** To be called when the connection has ended. */
  closed(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
  }

  /** Whether the peer takes what is held for it too slowly. To be asked again and again. */
  isStuck(nowMs: number, limits: Limits): boolean {
    if (!this.isBlocked && this.#pace === undefined) return false;
    this.#pace ??= new Pace(limits);
    return this.#pace.isTooSlow(nowMs, this.isBlocked ? this.#writtenBytes : undefined);
  }

  #write(bytes: Uint8Array, isBorrowed: boolean): void {
    if (this.#isClosed || bytes.length === 0) return;
    const written = this.isBlocked ? 0 : this.#send(bytes);
    if (written === bytes.length) return;
    const rest = bytes.subarray(written);
    this.#queue.push(isBorrowed ? Buffer.from(rest) : rest);
  }

  #send(bytes: Uint8Array): number {
    // A closed socket answers -1; its close event is on its way.
    const written = Math.max(0, this.socket.write(bytes));
    this.#writtenBytes += written;
    return written;
  }
}
