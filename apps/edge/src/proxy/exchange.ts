import type { BodyScanner } from "../http/body-scanner.ts";
import { createBodyScanner } from "../http/create-body-scanner.ts";
import { MessageError } from "../http/message-error.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { EdgeError } from "./edge-error.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import { type AnswerPart, HeadReader } from "./head-reader.ts";
import { Patience } from "./patience.ts";
import { Placement, type PlacementHost } from "./placement.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { requestText } from "./request-text.ts";
import type { UpstreamConnection, UpstreamUser } from "./upstream-connection.ts";

/**
 * - `placing`: waits for a server and a connection to it.
 * - `waiting`: the request is on its way, and nothing has come back.
 * - `answering`: the answer is passed on.
 * - `tunnel`: the server said 101; bytes pass both ways unread.
 * - `ended`
 */
type Phase = "placing" | "waiting" | "answering" | "tunnel" | "ended";

const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** Answers of a server that could not do it, where another may. */
const worthRepeating = new Set([502, 503, 504]);
const lineEnd = Buffer.from("\r\n");

/**
 * One request and its answer, passed on piece by piece as they come: whoever of the two sides cannot
 * take more stops the reading at the other. What becomes of the request is its placement's business
 * until an answer begins.
 */
export class Exchange implements UpstreamUser, PlacementHost {
  readonly head: RequestHead;
  readonly #context: ProxyContext;
  readonly #client: ExchangeClient;
  readonly #placement: Placement;
  readonly #patience: Patience;
  readonly #requestBody: BodyScanner;
  #phase: Phase = "placing";
  #connection: UpstreamConnection | undefined;
  #headReader: HeadReader | undefined;
  #answer: AnswerWriter | undefined;
  #answerHead: ResponseHead | undefined;
  #keepsUpstream = false;
  #keepsClient = false;

  constructor(context: ProxyContext, client: ExchangeClient, head: RequestHead) {
    this.#context = context;
    this.#client = client;
    this.head = head;
    this.#requestBody = createBodyScanner(head.length);
    this.#patience = new Patience(context.limits);
    const mayRepeat = head.length === 0 && idempotent.has(head.method);
    this.#placement = new Placement(context, this, mayRepeat);
  }

  get isTunnel(): boolean {
    return this.#phase === "tunnel";
  }

  begin(): void {
    this.#placement.begin();
  }

  // What its placement says

  /** The head leaves together with what has come of the body. */
  placed(connection: UpstreamConnection): void {
    this.#connection = connection;
    connection.user = this;
    this.#phase = "waiting";
    this.#headReader = new HeadReader(this.head.method, this.#context.limits.headBytes);
    this.#patience.renew();
    const added = this.#context.forwarding.lines(this.head, this.#client.peer);
    const text = requestText(this.head, this.#placement.authority, added);
    const held = this.#requestBody.isDone ? undefined : this.#client.held();
    if (held === undefined) {
      connection.channel.writeHead(text);
      return;
    }
    this.#passBody(held, (piece) => connection.channel.writeHead(text, piece));
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

  /** More of the request has come, or the server takes more of it. */
  passRequest(): void {
    const connection = this.#connection;
    const bytes = this.#client.held();
    if (connection === undefined || bytes === undefined || connection.channel.isBlocked) return;
    this.#patience.renew();
    if (this.#phase === "tunnel") {
      connection.channel.write(bytes);
      this.#client.consumed(bytes.length);
    } else if (!this.#requestBody.isDone) {
      this.#passBody(bytes, (piece) => connection.channel.write(piece));
    }
  }

  /** The client has left: whatever the server still does is for nobody. */
  clientLeft(): void {
    if (this.#phase === "tunnel" && this.#connection !== undefined) {
      // What the client sent last is still delivered.
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

  // What the server says

  fromServer(bytes: Buffer): void {
    this.#patience.renew();
    if (this.#phase === "waiting") {
      this.#readAnswer(bytes);
    } else if (this.#phase === "answering") {
      this.#passAnswer(bytes);
    } else if (this.#phase === "tunnel") {
      this.#client.channel.write(bytes);
      this.#holdBack();
    }
  }

  serverDrained(): void {
    this.#client.wantsMore();
  }

  serverClosed(error: Error | undefined): void {
    const hadRested = (this.#connection?.uses ?? 0) > 0;
    this.#connection = undefined;
    if (this.#phase === "tunnel") {
      this.#end();
      this.#client.finished(false);
    } else if (this.#phase === "answering") {
      if (error === undefined && this.#answerHead?.length === "until_close") {
        this.#answer?.serverEnded();
        this.#complete();
      } else {
        this.#interrupted();
      }
    } else {
      // One that had rested may have been closed before the server saw the request: no verdict.
      const closed = new EdgeError("bad_answer", "The server closed the connection.");
      this.#placement.failed(hadRested ? undefined : "reset", closed);
    }
  }

  /** Ends what has taken too long. To be called again and again. */
  sweep(nowMs: number): void {
    const overdue = this.#patience.overdue(nowMs, {
      phase: this.#phase,
      isRequestDone: this.#requestBody.isDone,
      client: this.#client.channel,
      server: this.#connection?.channel,
    });
    switch (overdue) {
      case undefined:
        return;
      case "slow_client":
      case "silent_tunnel":
        this.#client.broke();
        return;
      case "silent_client":
        this.#refuse(
          new EdgeError("request_timeout", "The rest of the request did not come in time."),
        );
        return;
      case "doubt":
        this.#placement.doubt(nowMs);
        return;
      case "slow_server":
        this.#timedOut("The server does not read the request.");
        return;
      case "silent_server":
        this.#timedOut("The server did not answer in time.");
        return;
      case "whole":
        this.#timedOut("The request took too long as a whole.");
    }
  }

  // The request

  #passBody(bytes: Buffer, write: (piece: Buffer) => void): void {
    try {
      const end = this.#requestBody.scan(bytes, 0);
      write(bytes.subarray(0, this.#requestBody.passTo));
      if (this.#requestBody.isDone && this.#requestBody.needsEnd) {
        this.#connection?.channel.write(lineEnd);
      }
      this.#client.consumed(end);
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
    let more: Buffer | undefined = bytes;
    while (this.#phase === "waiting" && more !== undefined) {
      let found: AnswerPart | undefined;
      try {
        found = this.#headReader?.read(more);
      } catch (error) {
        if (!(error instanceof MessageError)) throw error;
        this.#badAnswer();
        return;
      }
      if (found === undefined) return;
      const { head, rest }: AnswerPart = found;
      if (head.status === 101) this.#upgrade(head, rest);
      else if (head.status < 200) this.#passInterim(head);
      else this.#startAnswer(head, rest);
      more = head.status < 200 && rest.length > 0 ? rest : undefined;
    }
  }

  /** 100 Continue, 103 Early Hints and their like; HTTP/1.0 does not know them. */
  #passInterim(head: ResponseHead): void {
    if (this.head.minorVersion === 0) return;
    if (head.status === 100 && !this.head.expectsContinue) return;
    this.#client.channel.writeHead(`HTTP/1.1${head.statusLine}\r\n${head.lines}\r\n`);
  }

  #upgrade(head: ResponseHead, rest: Buffer): void {
    if (!this.head.isUpgrade || head.upgrade !== "websocket") {
      this.#badAnswer();
      return;
    }
    this.#placement.upgraded();
    this.#phase = "tunnel";
    this.#client.channel.writeHead(
      `HTTP/1.1${head.statusLine}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${head.lines}\r\n`,
      rest,
    );
    this.#holdBack();
    this.#client.wantsMore();
  }

  #startAnswer(head: ResponseHead, rest: Buffer): void {
    if (worthRepeating.has(head.status)) {
      // 503 is how a server sheds load, which is no illness.
      const kind = head.status === 503 ? undefined : "status";
      if (this.#placement.tryElsewhere(kind)) return;
    }
    this.#placement.answered();
    this.#phase = "answering";
    this.#answerHead = head;
    this.#keepsUpstream = head.keepAlive && head.length !== "until_close";
    this.#keepsClient =
      this.head.keepAlive && this.#requestBody.isDone && this.#client.mayKeepAlive();
    this.#answer = new AnswerWriter(this.#client.channel, this.head, head, this.#keepsClient);
    this.#passAnswer(rest);
  }

  #passAnswer(bytes: Buffer): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    let end: number;
    try {
      end = answer.pass(bytes, 0);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#interrupted();
      return;
    }
    if (!answer.isDone) {
      this.#holdBack();
      return;
    }
    // Bytes beyond the answer are an answer to nothing we asked: never somebody else's.
    if (end < bytes.length) this.#keepsUpstream = false;
    this.#complete();
  }

  /** Stops reading from the server while the client does not take more. */
  #holdBack(): void {
    if (this.#client.channel.isBlocked) this.#connection?.channel.pause();
  }

  #complete(): void {
    const isReusable = this.#requestBody.isDone && this.#keepsUpstream;
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
    this.#client.refused(error, this.#requestBody.isDone);
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
