import type { BodyScanner } from "../http/body-scanner.ts";
import { createBodyScanner } from "../http/create-body-scanner.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { AnswerChannel } from "./client.ts";

/**
 * How the body reaches the client: as it came, which is nearly always; in chunks of ours, where its
 * end would be that of the server's connection; or without its chunks, for HTTP/1.0.
 */
type Form = "as_it_came" | "in_chunks" | "without_chunks";

/** Where an answer's body goes, piece by piece as it comes. */
export interface AnswerSink {
  /** Whether the whole body has been seen. */
  readonly isDone: boolean;
  /**
   * Takes what of these bytes is the answer's body.
   *
   * @returns where that ends
   * @throws MessageError where the body is not what it claims to be
   */
  pass(bytes: Buffer, at: number): number;
  /** The server ended its connection, which ends a body that has no other end. */
  serverEnded(): void;
}

/** Passes one answer on to a client. */
export class AnswerWriter implements AnswerSink {
  readonly #channel: AnswerChannel;
  readonly #scanner: BodyScanner;
  readonly #form: Form;
  #head: string;

  /** @param keepsAlive whether the client's connection is to go on after this answer */
  constructor(
    channel: AnswerChannel,
    request: RequestHead,
    head: ResponseHead,
    keepsAlive: boolean,
  ) {
    this.#channel = channel;
    this.#scanner = createBodyScanner(head.length);
    this.#form = formOf(request, head);
    this.#head = `HTTP/1.1${head.statusLine}\r\n${head.lines}${this.#framing(head)}${
      keepsAlive ? "\r\n" : "connection: close\r\n\r\n"
    }`;
  }

  get isDone(): boolean {
    return this.#scanner.isDone;
  }

  pass(bytes: Buffer, at: number): number {
    if (this.#form === "without_chunks") {
      this.#flushHead();
      return this.#scanner.scan(bytes, at, (piece) => this.#channel.write(piece));
    }
    const end = this.#scanner.scan(bytes, at);
    const piece = bytes.subarray(at, this.#scanner.passTo);
    if (this.#form === "in_chunks" && piece.length > 0) {
      this.#write(`${this.#head}${piece.length.toString(16)}\r\n`, piece);
      this.#channel.write(chunkEnd);
    } else {
      this.#write(this.#head, piece);
    }
    if (this.isDone && this.#scanner.needsEnd) this.#channel.write(chunkEnd);
    return end;
  }

  serverEnded(): void {
    this.#flushHead();
    if (this.#form === "in_chunks") this.#channel.write(lastChunk);
  }

  #write(head: string, piece: Uint8Array): void {
    this.#head = "";
    if (head === "") this.#channel.write(piece);
    else this.#channel.writeHead(head, piece);
  }

  #flushHead(): void {
    if (this.#head !== "") this.#write(this.#head, nothing);
  }

  #framing(head: ResponseHead): string {
    if (this.#form === "in_chunks") return "transfer-encoding: chunked\r\n";
    if (head.length === "chunked" && this.#form === "as_it_came") {
      return "transfer-encoding: chunked\r\n";
    }
    if (head.contentLength === undefined || head.status === 204) return "";
    return `content-length: ${head.contentLength}\r\n`;
  }
}

const nothing = new Uint8Array(0);
const chunkEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

function formOf(request: RequestHead, head: ResponseHead): Form {
  if (request.minorVersion === 1) {
    return head.length === "until_close" ? "in_chunks" : "as_it_came";
  }
  return head.length === "chunked" ? "without_chunks" : "as_it_came";
}
