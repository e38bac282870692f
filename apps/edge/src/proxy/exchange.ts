import type { ServerInfo } from "@peregrine/balancer";
import { MessageError } from "../http/message-error.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { type AnswerSink, AnswerWriter } from "./answer-writer.ts";
import type { Client, ClientUser } from "./client.ts";
import { EdgeError } from "./edge-error.ts";
import { type AnswerPart, HeadReader } from "./head-reader.ts";
import { Patience } from "./patience.ts";
import { Placement, type PlacementHost } from "./placement.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { RequestWriter } from "./request-writer.ts";
import { Tunnel } from "./tunnel.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

/**
 * - `placing`: waits for a server and a connection to it.
 * - `waiting`: the request is on its way, and nothing has come back.
 * - `answering`: the answer is passed on.
 * - `ended`: also where the server said 101, and the connection goes on as a tunnel.
 */
type Phase = "placing" | "waiting" | "answering" | "ended";

const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** Answers of a server that could not do it, where another may. */
export const worthRepeating = new Set([502, 503, 504]);

const timeoutWords = {
  slow_server: "The server does not read the request.",
  silent_server: "The server did not answer in time.",
  whole: "The request took too long as a whole.",
} as const;

/** Who looks at an answer before its client does. */
export interface AnswerTaker {
  /**
   * @returns where its body is to go instead, or the head to pass it on to the client with. The
   *   client is asked for its channel after that.
   */
  take(head: ResponseHead): AnswerSink | ResponseHead;
}

/**
 * One request and its answer, passed on piece by piece as they come: whoever of the two sides cannot
 * take more stops the reading at the other. What becomes of the request is its placement's business
 * until an answer begins.
 */
export class Exchange implements ClientUser, UpstreamUser, PlacementHost {
  readonly #head: RequestHead;
  readonly #context: ProxyContext;
  readonly #client: Client;
  readonly #taker: AnswerTaker | undefined;
  readonly #placement: Placement;
  readonly #patience: Patience;
  readonly #request: RequestWriter;
  #phase: Phase = "placing";
  #connection: UpstreamConnection | undefined;
  #heads: HeadReader | undefined;
  #answer: AnswerSink | undefined;
  #endsWithConnection = false;
  #keepsUpstream = false;
  #keepsClient = false;

  /** @param hedgeOf the server that has not answered yet, where this is the second try beside it */
  constructor(
    context: ProxyContext,
    client: Client,
    head: RequestHead,
    taker?: AnswerTaker,
    hedgeOf?: string,
  ) {
    this.#context = context;
    this.#taker = taker;
    this.#client = client;
    this.#head = head;
    this.#request = new RequestWriter(head);
    this.#patience = new Patience(context.limits, client.requestedMs);
    const mayRepeat = head.length === 0 && idempotent.has(head.method);
    this.#placement = new Placement(context, this, { mayRepeat, span: client.span, hedgeOf });
  }

  begin(): void {
    this.#placement.begin();
  }

  /** The server that has the request, and has not been told off. */
  get awaited(): ServerInfo | undefined {
    return this.#connection === undefined ? undefined : this.#placement.server;
  }

  /** Whether another exchange runs for the same client, so that this one need not try again. */
  set isBeside(isBeside: boolean) {
    this.#placement.isBeside = isBeside;
  }

  /** Whether a server that is well has not been tried yet. */
  get hasOther(): boolean {
    return this.#placement.hasOther;
  }

  // What its placement says

  placed(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.user = this;
    this.#phase = "waiting";
    this.#heads = new HeadReader(this.#head.method, this.#context.limits.headBytes, (interim) =>
      this.#passInterim(interim),
    );
    this.#patience.renew();
    const { authority, question } = this.#placement;
    const added = this.#context.forwarding.lines(this.#head, this.#client.peer) + question;
    if (this.#request.isDone) {
      this.#request.begin(connection.channel, authority, added, undefined);
      return;
    }
    this.#send(() =>
      this.#request.begin(connection.channel, authority, added, this.#client.held()),
    );
    // What came while there was nowhere to send it may have stopped the reading.
    this.#client.wantsMore();
  }

  displaced(): void {
    this.#phase = "placing";
    this.#dropConnection();
  }

  unplaced(error: EdgeError): void {
    this.#refuse(error);
  }

  // What the client says

  fromClient(): void {
    const channel = this.#connection?.channel;
    const bytes = this.#client.held();
    if (channel === undefined || bytes === undefined) return;
    if (channel.isBlocked || this.#request.isDone) return;
    this.#patience.renew();
    this.#send(() => this.#request.pass(channel, bytes));
  }

  clientLeft(): void {
    this.#end();
  }

  clientDrained(): void {
    this.#connection?.channel.resume();
  }

  // What the server says

  fromServer(bytes: Buffer): void {
    this.#patience.renew();
    if (this.#phase === "answering") this.#passAnswer(bytes);
    else if (this.#phase === "waiting") this.#readAnswer(bytes);
  }

  serverDrained(): void {
    this.#client.wantsMore();
  }

  serverClosed(error: Error | undefined): void {
    const hadRested = (this.#connection?.uses ?? 0) > 0;
    this.#connection = undefined;
    if (this.#phase !== "answering") {
      // One that had rested may have been closed before the server saw the request: no verdict.
      const closed = new EdgeError("bad_answer", "The server closed the connection.");
      this.#placement.failed(hadRested ? undefined : "reset", closed);
    } else if (error === undefined && this.#endsWithConnection) {
      this.#answer?.serverEnded();
      this.#complete();
    } else {
      this.#interrupted();
    }
  }

  sweep(nowMs: number): void {
    const server = this.#connection?.channel;
    const isAwaited = this.#phase === "waiting" && !this.#request.isDone && !server?.isBlocked;
    const overdue = this.#patience.overdue(nowMs, {
      phase: this.#phase,
      awaitedBytes: isAwaited ? this.#request.bodyBytes : undefined,
      client: this.#client.channel,
      server,
    });
    switch (overdue) {
      case undefined:
        return;
      case "slow_reader":
        this.#client.broke();
        return;
      case "slow_writer":
        this.#refuse(new EdgeError("request_timeout", "The request's body came too slowly."));
        return;
      case "doubt":
        this.#placement.doubt(nowMs);
        return;
      default:
        this.#timedOut(timeoutWords[overdue]);
    }
  }

  // The request

  /** @param pass sends what is there, and says how much of it was the body's */
  #send(pass: () => number): void {
    try {
      this.#client.consumed(pass());
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      // The request itself turned out to be none.
      if (this.#phase === "waiting") {
        this.#refuse(new EdgeError("invalid_request", error.message, { status: error.status }));
      } else {
        this.#client.broke();
      }
    }
  }

  // The answer

  #readAnswer(bytes: Buffer): void {
    let found: AnswerPart | undefined;
    try {
      found = this.#heads?.read(bytes);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#badAnswer();
      return;
    }
    if (found === undefined) return;
    if (found.head.status === 101) this.#upgrade(found.head, found.rest);
    else this.#startAnswer(found.head, found.rest);
  }

  /** HTTP/1.0 does not know them. */
  #passInterim(head: ResponseHead): void {
    if (this.#head.minorVersion === 0) return;
    if (head.status === 100 && !this.#head.expectsContinue) return;
    this.#client.channel.write(`HTTP/1.1${head.statusLine}\r\n${head.lines}\r\n`);
  }

  #upgrade(head: ResponseHead, rest: Buffer): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#head.isUpgrade || head.upgrade !== "websocket") {
      this.#badAnswer();
      return;
    }
    this.#phase = "ended";
    this.#connection = undefined;
    this.#placement.told(head);
    this.#placement.upgraded();
    this.#client.begins("server", head.status);
    const tunnel = new Tunnel(this.#client, connection, this.#placement, this.#context.limits);
    const lines = `connection: Upgrade\r\nupgrade: websocket\r\n${head.lines}`;
    this.#client.channel.write(`HTTP/1.1${head.statusLine}\r\n${lines}\r\n`);
    if (rest.length > 0) tunnel.fromServer(rest);
    this.#client.handOver(tunnel);
  }

  #startAnswer(head: ResponseHead, rest: Buffer): void {
    this.#placement.told(head);
    // Without another the answer is passed on: it is the server's own, and may say when to come back.
    if (worthRepeating.has(head.status) && this.#placement.hasOther) {
      // 503 is how a server sheds load, which is no illness.
      const isShed = head.status === 503;
      const kind = isShed ? undefined : "status";
      if (this.#placement.tryElsewhere(kind, isShed ? "overloaded" : "status")) return;
    }
    this.#placement.answered();
    this.#phase = "answering";
    this.#endsWithConnection = head.length === "until_close";
    this.#keepsUpstream = head.keepAlive && !this.#endsWithConnection;
    const taken = this.#taker?.take(head) ?? head;
    if (!("pass" in taken)) this.#client.begins("server", head.status);
    this.#keepsClient = this.#head.keepAlive && this.#request.isDone && this.#client.mayKeepAlive();
    this.#answer =
      "pass" in taken
        ? taken
        : new AnswerWriter(this.#client.channel, this.#head, taken, this.#keepsClient);
    this.#passAnswer(rest);
  }

  #passAnswer(bytes: Buffer): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    let end: number;
    try {
      end = answer.pass(bytes);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#interrupted();
      return;
    }
    if (!answer.isDone) {
      // The server is not read while the client does not take more.
      if (this.#client.channel.isBlocked) this.#connection?.channel.pause();
      return;
    }
    // Bytes beyond the answer are an answer to nothing we asked: never somebody else's.
    if (end < bytes.length) this.#keepsUpstream = false;
    this.#complete();
  }

  #complete(): void {
    const isReusable = this.#request.isDone && this.#keepsUpstream;
    const connection = isReusable ? this.#connection : undefined;
    if (isReusable) this.#connection = undefined;
    this.#placement.succeeded(connection);
    this.#end();
    this.#client.finished(this.#keepsClient);
  }

  // What goes wrong

  #interrupted(): void {
    this.#placement.fail("interrupted");
    this.#client.broke();
  }

  #badAnswer(): void {
    const error = new EdgeError("bad_answer", "The server's answer is not HTTP.");
    this.#placement.failed("protocol", error);
  }

  #timedOut(words: string): void {
    if (this.#phase === "answering") {
      this.#interrupted();
      return;
    }
    this.#placement.fail("timeout");
    this.#refuse(new EdgeError("server_timeout", words));
  }

  #refuse(error: EdgeError): void {
    this.#end();
    this.#client.refused(error, {
      isHead: this.#head.method === "HEAD",
      keepsAlive: this.#head.keepAlive && this.#request.isDone,
    });
  }

  #end(): void {
    this.#phase = "ended";
    this.#placement.end();
    this.#dropConnection();
  }

  #dropConnection(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
