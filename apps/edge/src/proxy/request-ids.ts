import { randomBytes } from "node:crypto";

const requestIdPattern = /^[\w.:+/=-]{1,128}$/;
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/** Every byte in hexadecimal. */
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Names for requests that came without one. Ours are a random half, drawn once a process, and a
 * count: unique among all processes, at a tenth of what randomness for each request costs.
 */
export class RequestIds {
  readonly #prefix = randomBytes(8).toString("hex");
  #count = 0;
  /** The count without its last two bytes, which are all that changes in 65,536 requests. */
  #countStart = "";

  /**
   * The header lines to pass on: what came, where it is well-formed. A trace that nobody began is
   * not begun here; `RequestTraces` does so, where traces are collected.
   */
  lines(requestId: string | undefined, traceparent: string | undefined): string {
    const keepsId = requestId !== undefined && requestIdPattern.test(requestId);
    const keepsTrace = traceparent !== undefined && traceparentPattern.test(traceparent);
    const id = keepsId ? requestId : this.#prefix + this.#next();
    return `x-request-id: ${id}\r\n${keepsTrace ? `traceparent: ${traceparent}\r\n` : ""}`;
  }

  #next(): string {
    const count = ++this.#count;
    const low = count & 0xffff;
    if (low === 0 || this.#countStart === "") {
      this.#countStart = Math.floor(count / 0x10000)
        .toString(16)
        .padStart(12, "0");
    }
    return `${this.#countStart}${hex[low >> 8]}${hex[low & 255]}`;
  }
}
