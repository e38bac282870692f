import { findHeadEnd } from "../http/head-end.ts";
import { MessageError } from "../http/message-error.ts";
import { type ResponseHead, readResponseHead } from "../http/response-head.ts";

/** A head, and the bytes that came behind it. */
export type AnswerPart = { readonly head: ResponseHead; readonly rest: Buffer };

/**
 * Gathers the bytes of an answer until its head is whole. Interim answers (100 Continue, 103 Early
 * Hints and their like) come before it, and have heads of their own.
 */
export class HeadReader {
  readonly #method: string;
  readonly #maxBytes: number;
  readonly #onInterim: (head: ResponseHead) => void;
  #held: Buffer | undefined;

  /**
   * @param method that of the request, which decides what body can follow
   * @param onInterim told of each interim answer but 101, which is one of its own
   */
  constructor(method: string, maxBytes: number, onInterim: (head: ResponseHead) => void) {
    this.#method = method;
    this.#maxBytes = maxBytes;
    this.#onInterim = onInterim;
  }

  /**
   * @returns the head and what came behind it, or nothing while it is not all there
   * @throws MessageError where it is too long, or no head of an answer
   */
  read(bytes: Buffer): AnswerPart | undefined {
    let rest = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = undefined;
    while (rest.length > 0) {
      const end = findHeadEnd(rest);
      if ((end < 0 ? rest.length : end) > this.#maxBytes) {
        throw new MessageError("The answer's head is too long.");
      }
      if (end < 0) {
        this.#held = rest;
        return undefined;
      }
      const head = readResponseHead(rest.toString("latin1", 0, end), this.#method);
      rest = rest.subarray(end);
      if (head.status >= 200 || head.status === 101) return { head, rest };
      this.#onInterim(head);
    }
    return undefined;
  }
}
