import { randomBytes } from "node:crypto";

const requestIdPattern = /^[\w.:+/=-]{1,128}$/;
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/**
 * Names for requests that came without one. Ours are a random half, drawn once a process, and a
 * count: unique among all processes, at a tenth of what randomness for each request costs.
 */
export class RequestIds {
  readonly #prefix = randomBytes(8).toString("hex");
  #count = 0;

  /** The header lines to pass on: what came, where it is well-formed, or names of our own. */
  lines(requestId: string | undefined, traceparent: string | undefined): string {
    const keepsId = requestId !== undefined && requestIdPattern.test(requestId);
    const keepsTrace = traceparent !== undefined && traceparentPattern.test(traceparent);
    const own = keepsId && keepsTrace ? "" : this.#next();
    return `x-request-id: ${keepsId ? requestId : this.#prefix + own}\r\ntraceparent: ${
      keepsTrace ? traceparent : `00-${this.#prefix}${own}-${own}-01`
    }\r\n`;
  }

  #next(): string {
    this.#count++;
    return this.#count.toString(16).padStart(16, "0");
  }
}
