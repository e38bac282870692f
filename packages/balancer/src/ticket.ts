import type { Server } from "./server.ts";

/**
 * How a request failed, as far as choosing servers cares:
 * - `unreachable`: no connection could be made, so nothing was sent. Certain; ejects at once.
 * - `reset`: the connection was lost before the first byte of an answer.
 * - `timeout`: no first byte within the caller's time limit.
 * - `status`: an answer that says the server is broken, such as 500 or 502.
 * - `protocol`: an answer that is none.
 * - `interrupted`: the answer broke off after its first byte.
 * - `rate_limited`: 429: turned away without being acted upon. Cools the server down and is no
 *   illness.
 */
export type FailureKind =
  | "unreachable"
  | "reset"
  | "timeout"
  | "status"
  | "protocol"
  | "interrupted"
  | "rate_limited";

export interface FailureDetails {
  /** What Retry-After asked for; only with `rate_limited`. */
  readonly retryAfterMs?: number | undefined;
  /** What was met, for whoever reads why a server was ejected; only with `unreachable`. */
  readonly words?: string | undefined;
}

/** What a caller may know of the server that it was given. */
export interface ServerInfo {
  readonly id: string;
  readonly url: string;
  readonly zone: string | undefined;
}

/** How a ticket ended; `released` means without a verdict, as when the client has left. */
export type TicketEnd = "succeeded" | "released" | FailureKind;

/** Who gave the ticket out and keeps the books. */
export interface TicketHost {
  firstByteCame(server: Server, ticket: Ticket, latencyMs: number): void;
  ticketEnded(
    server: Server,
    ticket: Ticket,
    end: TicketEnd,
    answered: boolean,
    details: FailureDetails | undefined,
  ): void;
  now(): number;
}

/**
 * The right to send one request to one server. It counts as load until it ends, which it does once:
 * by `succeed`, `fail` or `release`; whichever comes first holds and later calls do nothing, so
 * `using ticket = …` or a `finally` with `release()` is always right.
 */
export class Ticket {
  readonly startedAtMs: number;
  readonly credential: string | undefined;
  /** How long it waited for a free server. */
  readonly waitedMs: number;
  /**
   * Called when the server is found dead, stuck or ill while this ticket still waits for its first
   * byte, so that what may be repeated can go elsewhere instead of waiting for its time limit.
   */
  onServerLost: (() => void) | undefined;

  readonly #server: Server;
  readonly #host: TicketHost;
  #cost: number;
  #phase: "awaiting" | "answering" | "ended" = "awaiting";

  /** Neighbours among the server's tickets that await their first byte; that list's own business. */
  before: Ticket | undefined;
  after: Ticket | undefined;

  constructor(
    server: Server,
    host: TicketHost,
    cost: number,
    credential: string | undefined,
    nowMs: number,
    waitedMs: number,
  ) {
    this.#server = server;
    this.#host = host;
    this.#cost = cost;
    this.credential = credential;
    this.startedAtMs = nowMs;
    this.waitedMs = waitedMs;
    this.onServerLost = undefined;
    this.before = undefined;
    this.after = undefined;
    server.begin(this, cost);
  }

  get server(): ServerInfo {
    return this.#server;
  }

  /** Load that is still to come, as `acquire` was told and `addCost` corrected. */
  get cost(): number {
    return this.#cost;
  }

  /** A good answer has begun. Its latency counts, and a server on trial has passed. */
  firstByte(): void {
    if (this.#phase !== "awaiting") return;
    this.#phase = "answering";
    this.#server.awaiting.remove(this);
    this.#host.firstByteCame(this.#server, this, this.#host.now() - this.startedAtMs);
  }

  /** Corrects the load still to come: down as tokens arrive, up when more are expected. Never below 1. */
  addCost(difference: number): void {
    if (this.#phase === "ended") return;
    const cost = Math.max(1, this.#cost + difference);
    this.#server.addCost(cost - this.#cost);
    this.#cost = cost;
  }

  succeed(): void {
    this.firstByte();
    this.#end("succeeded", undefined);
  }

  fail(kind: FailureKind, details?: FailureDetails): void {
    this.#end(kind, details);
  }

  release(): void {
    this.#end("released", undefined);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #end(end: TicketEnd, details: FailureDetails | undefined): void {
    if (this.#phase === "ended") return;
    const answered = this.#phase === "answering";
    this.#phase = "ended";
    this.#server.finish(this, this.#cost, answered);
    this.#host.ticketEnded(this.#server, this, end, answered, details);
  }
}

/** The tickets of one server that await their first byte, the oldest first. */
export class AwaitingTickets {
  #oldest: Ticket | undefined;
  #newest: Ticket | undefined;
  #length = 0;

  get oldest(): Ticket | undefined {
    return this.#oldest;
  }

  get length(): number {
    return this.#length;
  }

  push(ticket: Ticket): void {
    ticket.before = this.#newest;
    if (this.#newest === undefined) this.#oldest = ticket;
    else this.#newest.after = ticket;
    this.#newest = ticket;
    this.#length++;
  }

  remove(ticket: Ticket): void {
    if (ticket.before === undefined) this.#oldest = ticket.after;
    else ticket.before.after = ticket.after;
    if (ticket.after === undefined) this.#newest = ticket.before;
    else ticket.after.before = ticket.before;
    ticket.before = undefined;
    ticket.after = undefined;
    this.#length--;
  }

  all(): Ticket[] {
    const tickets: Ticket[] = [];
    for (let at = this.#oldest; at !== undefined; at = at.after) tickets.push(at);
    return tickets;
  }
}
