import { type Flight, type HeaderLines, keepLines } from "@peregrine/cdn/edge-cache";
import type { Span } from "@peregrine/tracing";
import type { BodyScanner } from "../http/body-scanner.ts";
import { createBodyScanner } from "../http/create-body-scanner.ts";
import type { BodyLength, RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { AnswerSink } from "../proxy/answer-writer.ts";
import type { AnswerChannel, Client } from "../proxy/client.ts";
import { createExchange } from "../proxy/create-exchange.ts";
import type { EdgeError } from "../proxy/edge-error.ts";
import type { AnswerTaker } from "../proxy/exchange.ts";
import type { Peer } from "../proxy/forwarding.ts";
import type { ProxyContext } from "../proxy/proxy-context.ts";
import type { AnswerSource } from "../proxy/proxy-events.ts";

/** Who began a fetch, and gets the answer where it is for nobody else. */
export interface FetchLeader {
  readonly client: Client;
  /** The answer is passed on to it. @returns the header lines it gets */
  passes(head: ResponseHead): HeaderLines;
}

export type FetchOptions = {
  readonly context: ProxyContext;
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly flight: Flight;
  readonly leader: FetchLeader | undefined;
  /** To be called when it is over. */
  readonly onEnd: (fetch: ServerFetch) => void;
};

/** What the cache asks instead of the client, where the answer is to be for all. */
const ofTheClient = new Set(["if-modified-since", "if-none-match", "if-range", "range"]);

/**
 * One request of the cache to a server, as the client of an exchange: what comes is filled into the
 * flight's body at the server's pace, however slow those who read it are, and whoever of them leaves.
 * An answer that may not be kept goes to the one who began it, as if there were no cache.
 */
export class ServerFetch implements Client, AnswerTaker {
  readonly peer: Peer;
  readonly requestedMs = performance.now();
  readonly #flight: Flight;
  readonly #leader: FetchLeader | undefined;
  readonly #onEnd: (fetch: ServerFetch) => void;
  readonly #exchange: ReturnType<typeof createExchange>;
  readonly #quiet: AnswerChannel;
  #passesTo: Client | undefined;
  #isLed: boolean;
  #isOver = false;

  constructor({ context, head, peer, flight, leader, onEnd }: FetchOptions) {
    this.peer = peer;
    this.#flight = flight;
    this.#leader = leader;
    this.#onEnd = onEnd;
    this.#isLed = leader !== undefined;
    this.#exchange = createExchange(context, this, head, this);
    this.#quiet = {
      get isBlocked() {
        return flight.isAhead;
      },
      isStuck: () => false,
      // What comes before an answer (103 Early Hints) is for the one who began it.
      write: (text) => {
        if (this.#isLed) leader?.client.channel.write(text);
      },
    };
    flight.onAbandoned = () => this.end();
    flight.onCaughtUp = () => this.#exchange.clientDrained();
  }

  get span(): Span | undefined {
    return this.#leader?.client.span;
  }

  get channel(): AnswerChannel {
    return this.#passesTo?.channel ?? this.#quiet;
  }

  begin(): void {
    this.#exchange.begin();
  }

  sweep(nowMs: number): void {
    this.#exchange.sweep(nowMs);
  }

  /** The one who began it has left; whether it goes on is the flight's to say. */
  leaderLeft(): void {
    this.#isLed = false;
  }

  /** The one it passes the answer to takes more. */
  leaderDrained(): void {
    if (this.#passesTo !== undefined) this.#exchange.clientDrained();
  }

  /** Ends it, whatever it is doing. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exchange.clientLeft();
    this.#flight.broke();
    this.#onEnd(this);
  }

  // What the exchange says to its taker and its client

  take(head: ResponseHead): AnswerSink | ResponseHead {
    const verdict = this.#flight.answered(head);
    if (verdict === "fill") {
      return new FlightSink(head.length, (piece) => this.#flight.filled(piece));
    }
    const leader = this.#leader;
    if (verdict === "pass" && leader !== undefined && this.#isLed) {
      this.#passesTo = leader.client;
      return { ...head, lines: leader.passes(head) };
    }
    // Nobody wants the rest, which may be long.
    if (head.length !== 0) queueMicrotask(() => this.end());
    return new FlightSink(head.length, () => {});
  }

  held(): undefined {
    return undefined;
  }

  consumed(): void {}

  wantsMore(): void {}

  begins(source: AnswerSource, status: number): void {
    this.#passesTo?.begins(source, status);
  }

  mayKeepAlive(): boolean {
    return this.#passesTo?.mayKeepAlive() ?? true;
  }

  handOver(): void {}

  finished(keepsAlive: boolean): void {
    this.#over();
    if (this.#passesTo === undefined) this.#flight.filledUp();
    else this.#passesTo.finished(keepsAlive);
  }

  refused(error: EdgeError): void {
    this.#over();
    this.#flight.failed(error);
  }

  broke(): void {
    const client = this.#passesTo;
    this.end();
    client?.broke();
  }

  #over(): void {
    this.#isOver = true;
    this.#onEnd(this);
  }
}

/** Takes a body out of what frames it. */
class FlightSink implements AnswerSink {
  readonly #scanner: BodyScanner;
  readonly #onData: (piece: Uint8Array) => void;

  constructor(length: BodyLength, onData: (piece: Uint8Array) => void) {
    this.#scanner = createBodyScanner(length);
    this.#onData = onData;
  }

  get isDone(): boolean {
    return this.#scanner.isDone;
  }

  pass(bytes: Buffer): number {
    return this.#scanner.scan(bytes, 0, this.#onData);
  }

  serverEnded(): void {}
}

/** The request for a whole answer, or for whether what is stored is still good. */
export function requestForAll(
  head: RequestHead,
  validators: { etag: string | undefined; lastModified: string | undefined } | undefined,
): RequestHead {
  let lines = keepLines(head.lines, (name) => !ofTheClient.has(name));
  if (validators?.etag !== undefined) lines += `if-none-match: ${validators.etag}\r\n`;
  if (validators?.lastModified !== undefined) {
    lines += `if-modified-since: ${validators.lastModified}\r\n`;
  }
  return { ...head, method: "GET", lines };
}
