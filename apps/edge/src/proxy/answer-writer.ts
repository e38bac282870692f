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
  pass(bytes: Buffer): number;
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

  pass(bytes: Buffer): number {
    const channel = this.#channel;
    this.#writeHead();
    if (this.#form === "without_chunks") {
      return this.#scanner.scan(bytes, 0, (piece) => channel.write(piece));
    }
    const end = this.#scanner.scan(bytes, 0);
    const { passTo } = this.#scanner;
    // Nearly always all of them, of which no other view is needed.
    const piece = passTo === bytes.length ? bytes : bytes.subarray(0, passTo);
    if (this.#form === "in_chunks" && piece.length > 0) {
      channel.write(`${piece.length.toString(16)}\r\n`);
      channel.write(piece);
      channel.write(chunkEnd);
    } else {
      channel.write(piece);
    }
    if (this.isDone && this.#scanner.needsEnd) channel.write(chunkEnd);
    return end;
  }

  serverEnded(): void {
    this.#writeHead();
    if (this.#form === "in_chunks") this.#channel.write(lastChunk);
  }

  #writeHead(): void {
    this.#channel.write(this.#head);
    this.#head = "";
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

const chunkEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

function formOf(request: RequestHead, head: ResponseHead): Form {
  if (request.minorVersion === 1) {
    return head.length === "until_close" ? "in_chunks" : "as_it_came";
  }
  return head.length === "chunked" ? "without_chunks" : "as_it_came";
}
