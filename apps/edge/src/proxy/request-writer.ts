import type { BodyScanner } from "../http/body-scanner.ts";
import { createBodyScanner } from "../http/create-body-scanner.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { Channel } from "./channel.ts";
import { requestText } from "./request-text.ts";

const lineEnd = Buffer.from("\r\n");

/** Passes one request on to a server, piece by piece as it comes. */
export class RequestWriter {
  readonly #head: RequestHead;
  readonly #scanner: BodyScanner;
  /** What has come of the body, with its framing. */
  bodyBytes = 0;

  constructor(head: RequestHead) {
    this.#head = head;
    this.#scanner = createBodyScanner(head.length);
  }

  /** Whether the whole body has been seen. */
  get isDone(): boolean {
    return this.#scanner.isDone;
  }

  /**
   * Sends the head, together with what has come of the body.
   *
   * @param authority what Host says where the request had none
   * @param added header lines of the door's own
   * @returns how many of the bytes were the body's
   * @throws MessageError where the body is not what it claims to be
   */
  begin(channel: Channel, authority: string, added: string, held: Buffer | undefined): number {
    const text = requestText(this.#head, authority, added);
    if (held === undefined || this.isDone) {
      channel.write(text);
      return 0;
    }
    const end = this.#scanner.scan(held, 0);
    channel.write(text);
    channel.write(upTo(held, this.#scanner.passTo));
    return this.#passed(channel, end);
  }

  /**
   * Sends what of these bytes is the body's.
   *
   * @returns how many are
   * @throws MessageError where the body is not what it claims to be
   */
  pass(channel: Channel, bytes: Buffer): number {
    const end = this.#scanner.scan(bytes, 0);
    channel.write(upTo(bytes, this.#scanner.passTo));
    return this.#passed(channel, end);
  }

  #passed(channel: Channel, bytes: number): number {
    this.bodyBytes += bytes;
    if (this.isDone && this.#scanner.needsEnd) channel.write(lineEnd);
    return bytes;
  }
}

/** Nearly always all of them, of which no other view is needed. */
function upTo(bytes: Buffer, end: number): Buffer {
  return end === bytes.length ? bytes : bytes.subarray(0, end);
}
