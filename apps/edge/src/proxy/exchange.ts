import { BalancerError, type FailureKind, type Ticket } from "@peregrine/balancer";
import type { BodyScanner } from "../http/body-scanner.ts";
import { createBodyScanner } from "../http/create-body-scanner.ts";
import { MessageError } from "../http/message-error.ts";
import { findHeadEnd, type RequestHead } from "../http/request-head.ts";
import { type ResponseHead, readResponseHead } from "../http/response-head.ts";
import { AnswerWriter } from "./answer-writer.ts";
import type { Channel } from "./channel.ts";
import { EdgeError } from "./edge-error.ts";
import type { Peer } from "./forwarding.ts";
import { doubtMs, freshUpstreamMs, idleUpstreamMs, maxAttempts } from "./limits.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { UnreachableError, type Upstream } from "./upstream.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

/** The client's side of an exchange. */
export interface ExchangeClient {
  readonly channel: Channel;
  readonly peer: Peer;
  /** Bytes that have come and have not been passed on. */
  held(): Buffer | undefined;
  /** So many of those have been. */
  consumed(bytes: number): void;
  /** More of the request can be passed on. */
  wantsMore(): void;
  /** Whether the connection is to go on after this exchange, as far as the door is concerned. */
  mayKeepAlive(): boolean;
  /** The answer is complete. */
  finished(keepsAlive: boolean): void;
  /** There is no answer but this. */
  refused(error: EdgeError, keepsAlive: boolean): void;
  /** The answer broke off. */
  broke(): void;
}

/**
 * - `choosing`: waits for a server with room.
 * - `connecting`: waits for a connection to it.
 * - `waiting`: the request is on its way, and nothing has come back.
 * - `answering`: the answer is passed on.
 * - `tunnel`: the server said 101; bytes pass both ways unread.
 * - `ended`
 */
type Phase = "choosing" | "connecting" | "waiting" | "answering" | "tunnel" | "ended";

const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** Answers of a server that could not do it, where another may. */
const worthRepeating = new Set([502, 503, 504]);

/**
 * One request and its answer. Tries another server as long as nothing of an answer has reached the
 * client, and only what may be done twice or was never sent. Holds one ticket and one connection at
 * a time, and gives both back whatever happens.
 */
export class Exchange implements UpstreamUser {
  readonly head: RequestHead;
  readonly #context: ProxyContext;
  readonly #client: ExchangeClient;
  readonly #requestBody: BodyScanner;
  readonly #startedMs: number;
  #phase: Phase = "choosing";
  #ticket: Ticket | undefined;
  #upstream: Upstream | undefined;
  #connection: UpstreamConnection | undefined;
  #answer: AnswerWriter | undefined;
  #answerKeepsUpstream = false;
  #answerKeepsClient = false;
  #endsWithConnection = false;
  /** The beginning of an answer's head. */
  #headBytes: Buffer | undefined;
  #attempts = 0;
  #tried: string[] = [];
  #choosing: AbortController | undefined;
  /** Bytes have passed since the last sweep, and when that was seen last. */
  #isActive = false;
  #doubtedMs = 0;
  #activeMs: number;

  constructor(context: ProxyContext, client: ExchangeClient, head: RequestHead) {
    this.#context = context;
    this.#client = client;
    this.head = head;
    this.#requestBody = createBodyScanner(head.length);
    this.#startedMs = performance.now();
    this.#activeMs = this.#startedMs;
  }

  /** Whether all of the request has been passed on. */
  get isRequestDone(): boolean {
    return this.#requestBody.isDone;
  }

  get isTunnel(): boolean {
    return this.#phase === "tunnel";
  }

  begin(): void {
    this.#context.budget.request();
    this.#attempt();
  }

  /** More of the request has come, or the server takes more of it. */
  passRequest(): void {
    const connection = this.#connection;
    const bytes = this.#client.held();
    if (connection === undefined || bytes === undefined || connection.channel.isBlocked) return;
    this.#isActive = true;
    if (this.#phase === "tunnel") {
      connection.channel.write(bytes);
      this.#client.consumed(bytes.length);
      return;
    }
    if (this.#requestBody.isDone) return;
    try {
      const end = this.#requestBody.scan(bytes, 0);
      connection.channel.write(bytes.subarray(0, this.#requestBody.passTo));
      this.#endRequest(connection);
      this.#client.consumed(end);
    } catch (error) {
      this.#requestBroke(error);
    }
  }

  /** The client has left: whatever the server still does is for nobody. */
  clientLeft(): void {
    if (this.#phase === "tunnel" && this.#connection !== undefined) {
      const { channel } = this.#connection;
      this.#connection.user = undefined;
      this.#connection = undefined;
      channel.end();
    }
    this.#end();
  }

  /** The client takes more. */
  clientDrained(): void {
    this.#connection?.channel.resume();
  }

  fromServer(bytes: Buffer): void {
    this.#isActive = true;
    switch (this.#phase) {
      case "answering":
        this.#passAnswer(bytes, 0);
        return;
      case "tunnel":
        this.#client.channel.write(bytes);
        if (this.#client.channel.isBlocked) this.#connection?.channel.pause();
        return;
      case "waiting":
        this.#readHead(bytes);
        return;
      default:
        return;
    }
  }

  serverDrained(): void {
    this.#client.wantsMore();
  }

  serverClosed(error: Error | undefined): void {
    const wasStale = (this.#connection?.uses ?? 0) > 0;
    this.#connection = undefined;
    if (this.#phase === "tunnel") {
      this.#end();
      this.#client.finished(false);
    } else if (this.#phase === "answering") {
      if (error === undefined && this.#answer?.isDone === false && this.#endsWithConnection) {
        this.#answer.serverEnded();
        this.#complete();
      } else {
        this.#interrupted();
      }
    } else if (wasStale) {
      // It had rested, and was closed before the server saw the request or as it died: no verdict.
      this.#failed(undefined, new EdgeError("bad_answer", "The server closed the connection."));
    } else {
      this.#failed("reset", new EdgeError("bad_answer", "The server closed the connection."));
    }
  }

  /** Ends what has taken too long. To be called again and again. */
  sweep(nowMs: number): void {
    const { limits } = this.#context;
    if (this.#isActive) {
      this.#isActive = false;
      this.#activeMs = nowMs;
    }
    const quietMs = nowMs - this.#activeMs;
    const isStuck = (channel: Channel | undefined) =>
      channel?.isStuck(nowMs, limits.idleMs, limits.minBytesPerSecond) === true;

    if (isStuck(this.#client.channel)) {
      this.#client.broke();
    } else if (this.#phase === "tunnel") {
      if (quietMs > limits.tunnelIdleMs || isStuck(this.#connection?.channel)) this.#client.broke();
    } else if (limits.wholeMs > 0 && nowMs - this.#startedMs > limits.wholeMs) {
      this.#timedOut("The request took too long as a whole.");
    } else if (isStuck(this.#connection?.channel)) {
      this.#timedOut("The server does not read the request.");
    } else if (this.#phase === "waiting" && this.#requestBody.isDone) {
      if (quietMs > limits.firstByteMs) this.#timedOut("The server did not answer in time.");
      else if (quietMs > doubtMs && this.#mayRepeat) this.#doubt(nowMs);
    } else if (this.#phase === "waiting" && quietMs > limits.idleMs) {
      this.#refuse(
        new EdgeError("request_timeout", "The rest of the request did not come in time."),
      );
    } else if (this.#phase === "answering" && quietMs > limits.answerIdleMs) {
      if (!this.#client.channel.isBlocked) this.#interrupted();
    }
  }

  // Choosing and connecting

  get #mayRepeat(): boolean {
    return idempotent.has(this.head.method) && this.head.length === 0;
  }

  #attempt(): void {
    this.#attempts++;
    this.#phase = "choosing";
    const { pool } = this.#context;
    const demand = this.#tried.length === 0 ? undefined : { exclude: this.#tried };
    let ticket: Ticket | undefined;
    try {
      ticket = pool.tryAcquire(demand);
    } catch (error) {
      this.#noServer(error);
      return;
    }
    if (ticket !== undefined) {
      this.#use(ticket);
      return;
    }
    const choosing = new AbortController();
    this.#choosing = choosing;
    pool
      .acquire({ ...demand, signal: choosing.signal })
      .then(
        (late) => {
          if (choosing.signal.aborted) late.release();
          else this.#use(late);
        },
        (error: unknown) => {
          if (!choosing.signal.aborted) this.#noServer(error);
        },
      )
      .catch((error) => this.#fault(error));
  }

  #noServer(error: unknown): void {
    if (!(error instanceof BalancerError)) throw error;
    if (error.code === "no_healthy_servers" && this.#tried.length > 0) {
      // Back to one that failed us only where there is no other.
      this.#tried = [];
      if (this.#attempts < maxAttempts) {
        this.#attempt();
        return;
      }
    }
    const code = error.code === "no_healthy_servers" ? "no_healthy_servers" : "overloaded";
    const words =
      code === "no_healthy_servers"
        ? "No server is able to answer now."
        : "All servers are busy now.";
    this.#refuse(new EdgeError(code, words, { retryAfterSeconds: error.retryAfterSeconds ?? 1 }));
  }

  #use(ticket: Ticket): void {
    this.#ticket = ticket;
    if (this.#mayRepeat) ticket.onServerLost = () => this.#serverLost(ticket);
    const upstream = this.#context.upstreams.of(ticket.server);
    this.#upstream = upstream;
    upstream.began();
    const maxRestMs = this.#mayRepeat ? idleUpstreamMs : freshUpstreamMs;
    const connection =
      this.#attempts > 1 ? undefined : upstream.take(ticket.startedAtMs, maxRestMs);
    if (connection !== undefined) {
      this.#send(connection);
      return;
    }
    this.#phase = "connecting";
    upstream
      .connect()
      .then(
        (fresh) => {
          if (this.#ticket === ticket) this.#send(fresh);
          else upstream.give(fresh, performance.now());
        },
        (error: unknown) => {
          if (this.#ticket !== ticket) return;
          if (!(error instanceof UnreachableError)) throw error;
          this.#failed(
            "unreachable",
            new EdgeError("server_unreachable", "No server could be reached."),
          );
        },
      )
      .catch((error: unknown) => this.#fault(error));
  }

  /** The head leaves together with what has come of the body. */
  #send(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.user = this;
    this.#phase = "waiting";
    this.#isActive = true;
    const text = this.#requestText();
    const held = this.#requestBody.isDone ? undefined : this.#client.held();
    if (held === undefined) {
      connection.channel.writeHead(text);
      return;
    }
    try {
      const end = this.#requestBody.scan(held, 0);
      connection.channel.writeHead(text, held.subarray(0, this.#requestBody.passTo));
      this.#endRequest(connection);
      this.#client.consumed(end);
      // What came while there was nowhere to send it may have stopped the reading.
      this.#client.wantsMore();
    } catch (error) {
      this.#requestBroke(error);
    }
  }

  #requestText(): string {
    const { head } = this;
    const host = head.host ?? this.#upstream?.authority;
    const framing =
      head.length === "chunked"
        ? "transfer-encoding: chunked\r\n"
        : head.length > 0 || mayHaveBody.has(head.method)
          ? `content-length: ${head.length}\r\n`
          : "";
    const upgrade = head.isUpgrade ? "connection: Upgrade\r\nupgrade: websocket\r\n" : "";
    const expect = head.expectsContinue ? "expect: 100-continue\r\n" : "";
    return `${head.method} ${head.target} HTTP/1.1\r\nhost: ${host}\r\n${head.lines}${framing}${upgrade}${expect}${this.#context.forwarding.lines(head, this.#client.peer)}\r\n`;
  }

  #endRequest(connection: UpstreamConnection): void {
    if (this.#requestBody.isDone && this.#requestBody.needsEnd) connection.channel.write(lineEnd);
  }

  // The answer

  #readHead(bytes: Buffer): void {
    let buffer = this.#headBytes === undefined ? bytes : Buffer.concat([this.#headBytes, bytes]);
    this.#headBytes = undefined;
    while (this.#phase === "waiting") {
      const end = findHeadEnd(buffer);
      if (
        end < 0
          ? buffer.length > this.#context.limits.headBytes
          : end > this.#context.limits.headBytes
      ) {
        this.#badAnswer();
        return;
      }
      if (end < 0) {
        this.#headBytes = buffer;
        return;
      }
      let head: ResponseHead;
      try {
        head = readResponseHead(buffer.toString("latin1", 0, end), this.head.method);
      } catch (error) {
        if (!(error instanceof MessageError)) throw error;
        this.#badAnswer();
        return;
      }
      if (head.status === 101) {
        this.#upgrade(head, buffer.subarray(end));
      } else if (head.status < 200) {
        this.#passInterim(head);
        buffer = buffer.subarray(end);
      } else {
        this.#startAnswer(head, buffer, end);
      }
    }
  }

  /** 100 Continue, 103 Early Hints and their like; HTTP/1.0 does not know them. */
  #passInterim(head: ResponseHead): void {
    if (this.head.minorVersion === 0) return;
    if (head.status === 100 && !this.head.expectsContinue) return;
    this.#client.channel.writeHead(`HTTP/1.1${head.statusLine}\r\n${head.lines}\r\n`);
  }

  #upgrade(head: ResponseHead, rest: Buffer): void {
    const connection = this.#connection;
    if (!this.head.isUpgrade || head.upgrade !== "websocket" || connection === undefined) {
      this.#badAnswer();
      return;
    }
    this.#ticket?.firstByte();
    this.#phase = "tunnel";
    this.#upstream?.ended();
    this.#upstream = undefined;
    this.#client.channel.writeHead(
      `HTTP/1.1${head.statusLine}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${head.lines}\r\n`,
      rest,
    );
    if (this.#client.channel.isBlocked) connection.channel.pause();
    this.#client.wantsMore();
  }

  #startAnswer(head: ResponseHead, buffer: Buffer, at: number): void {
    if (worthRepeating.has(head.status) && this.#mayRepeat && this.#takeRetry()) {
      // 503 is how a server sheds load, which is no illness.
      this.#leave(head.status === 503 ? undefined : "status");
      this.#attempt();
      return;
    }
    this.#ticket?.firstByte();
    this.#phase = "answering";
    this.#answerKeepsUpstream = head.keepAlive && head.length !== "until_close";
    this.#endsWithConnection = head.length === "until_close";
    this.#answerKeepsClient =
      this.head.keepAlive && this.#requestBody.isDone && this.#client.mayKeepAlive();
    this.#answer = new AnswerWriter(this.#client.channel, this.head, head, this.#answerKeepsClient);
    this.#passAnswer(buffer, at);
  }

  #passAnswer(bytes: Buffer, at: number): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    let end: number;
    try {
      end = answer.pass(bytes, at);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#interrupted();
      return;
    }
    if (answer.isDone) {
      // Bytes beyond the answer are an answer to nothing we asked: never somebody else's.
      if (end < bytes.length) this.#answerKeepsUpstream = false;
      this.#complete();
    } else if (this.#client.channel.isBlocked) {
      this.#connection?.channel.pause();
    }
  }

  #complete(): void {
    const connection = this.#connection;
    if (connection !== undefined && this.#requestBody.isDone && this.#answerKeepsUpstream) {
      this.#connection = undefined;
      this.#upstream?.give(connection, performance.now());
    }
    this.#ticket?.succeed();
    this.#end();
    this.#client.finished(this.#answerKeepsClient);
  }

  // What goes wrong

  #interrupted(): void {
    this.#ticket?.fail("interrupted");
    this.#end();
    this.#client.broke();
  }

  #badAnswer(): void {
    this.#failed("protocol", new EdgeError("bad_answer", "The server's answer is not HTTP."));
  }

  #timedOut(words: string): void {
    if (this.#phase === "answering") {
      this.#interrupted();
      return;
    }
    this.#ticket?.fail("timeout");
    this.#refuse(new EdgeError("server_timeout", words));
  }

  /** A fault of ours, met where nobody is there to catch it. */
  #fault(error: unknown): void {
    this.#context.onFault(error as Error);
    this.#end();
    this.#client.broke();
  }

  /** The request itself turned out to be none. */
  #requestBroke(error: unknown): void {
    if (!(error instanceof MessageError)) throw error;
    if (this.#phase === "waiting") {
      this.#refuse(new EdgeError("invalid_request", error.message, { status: error.status }));
    } else {
      this.#end();
      this.#client.broke();
    }
  }

  /** @param kind undefined where it says nothing of the server */
  #failed(kind: FailureKind | undefined, error: EdgeError): void {
    const maySendAgain = this.#mayRepeat || kind === "unreachable";
    this.#leave(kind);
    if (maySendAgain && this.#takeRetry()) this.#attempt();
    else this.#refuse(error);
  }

  /** Its server has been silent for long: if it does not answer anything, another is tried. */
  #doubt(nowMs: number): void {
    const upstream = this.#upstream;
    const ticket = this.#ticket;
    if (upstream === undefined || this.#attempts >= maxAttempts || nowMs < this.#doubtedMs) return;
    this.#doubtedMs = nowMs + 4 * doubtMs;
    upstream
      .isAlive()
      .then((isAlive) => {
        if (isAlive || this.#ticket !== ticket || this.#phase !== "waiting") return;
        if (!this.#takeRetry()) return;
        this.#leave("timeout");
        this.#attempt();
      })
      .catch((error: unknown) => this.#fault(error));
  }

  /** Others found the server ill while we wait for it: no use in waiting for our own time limit. */
  #serverLost(ticket: Ticket): void {
    if (this.#ticket !== ticket || !this.#takeRetry()) return;
    this.#leave(undefined);
    this.#attempt();
  }

  #takeRetry(): boolean {
    return this.#attempts < maxAttempts && this.#context.budget.take(performance.now());
  }

  #refuse(error: EdgeError): void {
    this.#end();
    this.#client.refused(error, this.#requestBody.isDone);
  }

  /** Lets go of this server, to try another. */
  #leave(kind: FailureKind | undefined): void {
    const ticket = this.#ticket;
    if (ticket !== undefined) {
      this.#tried.push(ticket.server.id);
      ticket.onServerLost = undefined;
      if (kind !== undefined) ticket.fail(kind);
    }
    this.#letGo();
  }

  #end(): void {
    this.#phase = "ended";
    this.#choosing?.abort();
    this.#letGo();
  }

  #letGo(): void {
    const ticket = this.#ticket;
    this.#ticket = undefined;
    if (ticket !== undefined) {
      ticket.onServerLost = undefined;
      ticket.release();
    }
    this.#headBytes = undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#upstream?.ended();
    this.#upstream = undefined;
  }
}

/** Methods for which a missing body is said to be empty. */
const mayHaveBody = new Set(["POST", "PUT", "PATCH"]);
const lineEnd = Buffer.from("\r\n");
