import type { Socket } from "bun";
import { flushAtEndOfTurn } from "./end-of-turn.ts";
import type { Limits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { Pace } from "./pace.ts";

/** What is not gathered any more, but written at once. */
const muchBytes = 16 * 1024;

/**
 * One end of a connection, with what is on its way out: what was written in this turn of the event
 * loop, and what the kernel would not take yet. Whoever feeds it looks at `isBlocked` and stops
 * reading at the other end until `drained()`, so that little more than what was read at once is ever
 * held.
 */
export class Channel {
  readonly socket: Socket<unknown>;
  readonly #outbox = new Outbox();
  /** The kernel takes no more for now. */
  #isBlocked = false;
  /** Something is written at the end of this turn. */
  #isDue = false;
  /** It ends once all is written; and has been told to. */
  #isEnding = false;
  #isEnded = false;
  #isPaused = false;
  #isClosed = false;
  #writtenBytes = 0;
  #pace: Pace | undefined;

  constructor(socket: Socket<unknown>) {
    this.socket = socket;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @param piece bytes, which are not changed afterwards, or the latin1 text of a head */
  write(piece: Uint8Array | string): void {
    if (this.#isClosed) return;
    this.#outbox.push(piece);
    if (this.#isBlocked) return;
    if (this.#outbox.bytes >= muchBytes) {
      this.flush();
    } else if (!this.#isDue) {
      this.#isDue = true;
      flushAtEndOfTurn(this);
    }
  }

  /** Writes what waits for the end of this turn, which otherwise happens by itself. */
  flush(): void {
    this.#isDue = false;
    if (!this.#isBlocked) this.#send();
  }

  /** To be called when the kernel takes more. @returns whether all is written. */
  drained(): boolean {
    this.#isBlocked = false;
    this.#send();
    return !this.#isBlocked;
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
    this.flush();
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
    this.#isBlocked = false;
    this.#outbox.clear();
  }

  /** Whether the peer takes what is held for it too slowly. To be asked again and again. */
  isStuck(nowMs: number, limits: Limits): boolean {
    if (!this.#isBlocked && this.#pace === undefined) return false;
    this.#pace ??= new Pace(limits);
    return this.#pace.isTooSlow(nowMs, this.#isBlocked ? this.#writtenBytes : undefined);
  }

  #send(): void {
    if (this.#isClosed) return;
    this.#writtenBytes += this.#outbox.sendTo(this.socket);
    this.#isBlocked = !this.#outbox.isEmpty;
    if (!this.#isEnding || this.#isEnded || this.#isBlocked) return;
    this.#isEnded = true;
    this.socket.end();
  }
}
