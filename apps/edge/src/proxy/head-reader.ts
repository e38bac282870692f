import { MessageError } from "../http/message-error.ts";
import { findHeadEnd } from "../http/request-head.ts";
import { type ResponseHead, readResponseHead } from "../http/response-head.ts";

/** A head, and the bytes that came behind it. */
export type AnswerPart = { readonly head: ResponseHead; readonly rest: Buffer };

/** Gathers the bytes of an answer until its head is whole; interim answers have heads of their own. */
export class HeadReader {
  readonly #method: string;
  readonly #maxBytes: number;
  #held: Buffer | undefined;

  /** @param method that of the request, which decides what body can follow */
  constructor(method: string, maxBytes: number) {
    this.#method = method;
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the next head and what came behind it, or nothing while it is not all there
   * @throws MessageError where it is too long, or no head of an answer
   */
  read(bytes: Buffer): AnswerPart | undefined {
    const all = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    const end = findHeadEnd(all);
    if ((end < 0 ? all.length : end) > this.#maxBytes) {
      throw new MessageError("The answer's head is too long.");
    }
    this.#held = end < 0 ? all : undefined;
    if (end < 0) return undefined;
    const head = readResponseHead(all.toString("latin1", 0, end), this.#method);
    return { head, rest: all.subarray(end) };
  }
}
