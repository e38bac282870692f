import type { Span } from "@peregrine/tracing";
import type { Socket } from "bun";
import { findHeadEnd, isHopeless } from "../http/head-end.ts";
import { MessageError } from "../http/message-error.ts";
import { type RequestHead, readRequestHead } from "../http/request-head.ts";
import { Channel } from "./channel.ts";
import type { Client, ClientUser } from "./client.ts";
import { createExchange } from "./create-exchange.ts";
import { EdgeError } from "./edge-error.ts";
import type { Peer } from "./forwarding.ts";
import { lingerMs, maxHeldBytes } from "./limits.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { AnswerSource } from "./proxy-events.ts";

/** What a client's connection tells the door it came through. */
export interface ClientConnectionHost {
  readonly isDraining: boolean;
}

const cr = 13;
const lf = 10;

/**
 * A client's connection: one request at a time, each as an exchange. What comes meanwhile (a body
 * that has nowhere to go yet, the next request) is held up to 64 kB and then not read.
 */
export class ClientConnection implements Client {
  readonly channel: Channel;
  readonly peer: Peer;
  readonly #context: ProxyContext;
  readonly #host: ClientConnectionHost;
  #held: Buffer | undefined;
  /** Who answers it; nobody between two requests. */
  #user: ClientUser | undefined;
  /** Whether `#readRequests` runs, which an exchange that ends at once would enter again. */
  #isReading = false;
  /** It was told that this is the end; what still comes is thrown away. */
  #lingersSinceMs: number | undefined;
  /** Since when it owes the rest of a head, or may stay without a request. */
  #waitsSinceMs: number;
  /** When the head of the last request was there. */
  #requestedMs = 0;
  #span: Span | undefined;
  /** Of the answer that is under way, or was. */
  #status = 0;
  #hadRequest = false;
  #isTunnel = false;

  constructor(
    socket: Socket<unknown>,
    peer: Peer,
    context: ProxyContext,
    host: ClientConnectionHost,
  ) {
    this.channel = new Channel(socket);
    this.peer = peer;
    this.#context = context;
    this.#host = host;
    this.#waitsSinceMs = performance.now();
  }

  get span(): Span | undefined {
    return this.#span;
  }

  get requestedMs(): number {
    return this.#requestedMs;
  }

  get isIdle(): boolean {
    return this.#user === undefined;
  }

  get isTunnel(): boolean {
    return this.#isTunnel;
  }

  // What the socket says

  data(bytes: Buffer): void {
    if (this.#lingersSinceMs !== undefined) return;
    if (this.#held === undefined) {
      this.#held = bytes;
      // The time limit counts from a head's first byte.
      if (this.#user === undefined && this.#hadRequest) this.#waitsSinceMs = performance.now();
    } else {
      this.#held = Buffer.concat([this.#held, bytes]);
    }
    this.#pass();
  }

  drained(): void {
    if (!this.channel.drained()) return;
    if (this.#user === undefined) this.#pass();
    else this.#user.clientDrained();
  }

  closed(): void {
    this.channel.closed();
    this.#held = undefined;
    const user = this.#user;
    this.#user = undefined;
    this.#endSpan("left");
    user?.clientLeft();
  }

  /** Ends what has taken too long. To be called again and again. */
  sweep(nowMs: number): void {
    const { headerMs, keepAliveMs } = this.#context.limits;
    const waitedMs = nowMs - this.#waitsSinceMs;
    if (this.#lingersSinceMs !== undefined) {
      if (nowMs - this.#lingersSinceMs > lingerMs) this.channel.terminate();
    } else if (this.#user !== undefined) {
      this.#user.sweep(nowMs);
    } else if (this.channel.isBlocked) {
      // It still reads its last answer; only then is the next request its turn.
      this.#waitsSinceMs = nowMs;
      if (this.channel.isStuck(nowMs, this.#context.limits)) this.cut();
    } else if (this.#held === undefined && this.#host.isDraining) {
      this.#goodbye();
    } else if (this.#held === undefined && this.#hadRequest) {
      if (waitedMs > keepAliveMs) this.#goodbye();
    } else if (waitedMs > headerMs) {
      if (this.#held === undefined) this.channel.terminate();
      else {
        this.#requestedMs = this.#waitsSinceMs;
        this.#tell(new EdgeError("request_timeout", "The request did not come in time."));
      }
    }
  }

  /** Cuts it, whatever it is doing. */
  cut(): void {
    this.channel.terminate();
    this.closed();
  }

  // What its user says

  held(): Buffer | undefined {
    return this.#held;
  }

  consumed(bytes: number): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = bytes < held.length ? held.subarray(bytes) : undefined;
  }

  wantsMore(): void {
    this.#pass();
  }

  mayKeepAlive(): boolean {
    return !this.#host.isDraining;
  }

  begins(source: AnswerSource, status: number): void {
    const seconds = (performance.now() - this.#requestedMs) / 1000;
    this.#context.events.onAnswer?.(source, status, seconds);
    this.#span?.set("http.response.status_code", status);
    this.#span?.set("peregrine.first_byte_ms", seconds * 1000);
    this.#status = status;
  }

  handOver(user: ClientUser): void {
    if (this.channel.isClosed) user.clientLeft();
    else {
      this.#user = user;
      this.#isTunnel = true;
      this.#endSpan();
      this.#pass();
    }
  }

  finished(keepsAlive: boolean): void {
    this.#user = undefined;
    this.#endSpan();
    if (!keepsAlive) {
      this.#goodbye();
      return;
    }
    if (!this.#isReading) {
      this.#waitsSinceMs = performance.now();
      this.#pass();
    }
  }

  refused(
    error: EdgeError,
    { isHead, keepsAlive }: { isHead: boolean; keepsAlive: boolean },
  ): void {
    this.#user = undefined;
    if (!keepsAlive || !this.mayKeepAlive()) {
      this.#tell(error, isHead);
      this.#endSpan();
      return;
    }
    this.begins("door", error.status);
    this.channel.write(error.toMessage(isHead, true));
    this.finished(true);
  }

  broke(): void {
    this.#endSpan("interrupted");
    // What came of the answer is the client's.
    this.channel.flush();
    this.cut();
  }

  // Reading

  #pass(): void {
    this.#user?.fromClient();
    if (this.#user === undefined && !this.#isReading) this.#readRequests();
    if (this.#held !== undefined && this.#held.length >= maxHeldBytes) this.channel.pause();
    else this.channel.resume();
  }

  #readRequests(): void {
    this.#isReading = true;
    try {
      while (this.#held !== undefined && this.#mayRead()) {
        if (!this.#readRequest(this.#held)) break;
      }
    } catch (error) {
      if (error instanceof EdgeError) this.#tell(error);
      else if (error instanceof MessageError) {
        this.#tell(new EdgeError("invalid_request", error.message, { status: error.status }));
      } else throw error;
    } finally {
      this.#isReading = false;
    }
  }

  /** Whoever does not read an answer is given no other: what is held for one client has its bound. */
  #mayRead(): boolean {
    const { isClosed, isBlocked } = this.channel;
    const isFree = this.#user === undefined && this.#lingersSinceMs === undefined;
    return isFree && !isClosed && !isBlocked;
  }

  /** @returns whether a whole head was there. */
  #readRequest(held: Buffer): boolean {
    const { limits, forwarding } = this.#context;
    this.#requestedMs = performance.now();
    // Empty lines before a request are a habit of old clients (RFC 9112 2.2).
    let start = 0;
    while (held[start] === cr && held[start + 1] === lf) start += 2;
    const bytes = start === 0 ? held : held.subarray(start);
    if (bytes.length === 0) {
      this.#held = undefined;
      return false;
    }
    const end = findHeadEnd(bytes);
    if ((end < 0 ? bytes.length : end) > limits.headBytes) {
      throw new EdgeError("head_too_large", `The head is over ${limits.headBytes} bytes.`);
    }
    if (end < 0) {
      if (isHopeless(bytes)) throw new MessageError("A line of the head ends without CRLF.");
      return false;
    }
    const head = readRequestHead(bytes.toString("latin1", 0, end));
    if (forwarding.isLoop(head)) {
      throw new EdgeError("loop_detected", "The request came back to the door that sent it on.");
    }
    this.#held = end < bytes.length ? bytes.subarray(end) : undefined;
    this.#hadRequest = true;
    const { traces } = this.#context;
    if (traces === undefined) {
      this.#answer(head);
    } else {
      const traced = traces.begin(head);
      this.#span = traced.span;
      this.#answer(traced.head);
    }
    return true;
  }

  #answer(head: RequestHead): void {
    const answering =
      this.#context.cache?.answerFor(this.#context, this, head) ??
      createExchange(this.#context, this, head);
    this.#user = answering;
    answering.begin();
  }

  // Ending

  /** @param error as what it failed; a status of 500 and above, where nothing else did */
  #endSpan(error?: string): void {
    this.#span?.end(error ?? (this.#status >= 500 ? String(this.#status) : undefined));
    this.#span = undefined;
  }

  /** Says what is wrong and ends the connection, once the client has had time to read it. */
  #tell(error: EdgeError, isHead = false): void {
    this.begins("door", error.status);
    this.channel.write(error.toMessage(isHead, false));
    this.#goodbye();
  }

  /**
   * Ends the connection in good order. Bytes that still come are read and thrown away for a while:
   * closing on them would reset the connection, and the client would lose the answer.
   */
  #goodbye(): void {
    if (this.#lingersSinceMs !== undefined) return;
    this.#lingersSinceMs = performance.now();
    this.#held = undefined;
    this.channel.resume();
    this.channel.end();
  }
}
