import type { RequestHead } from "../http/request-head.ts";

/** Methods for which a missing body is said to be empty. */
const mayHaveBody = new Set(["POST", "PUT", "PATCH"]);

/**
 * The head of a request as it goes to a server: what came, with a framing of our own, which is the
 * only one, and with what the door adds.
 */
export function requestText(head: RequestHead, authority: string, added: string): string {
  const framing =
    head.length === "chunked"
      ? "transfer-encoding: chunked\r\n"
      : head.length > 0 || mayHaveBody.has(head.method)
        ? `content-length: ${head.length}\r\n`
        : "";
  const upgrade = head.isUpgrade ? "connection: Upgrade\r\nupgrade: websocket\r\n" : "";
  const expect = head.expectsContinue ? "expect: 100-continue\r\n" : "";
  return `${head.method} ${head.target} HTTP/1.1\r\nhost: ${head.host ?? authority}\r\n${head.lines}${framing}${upgrade}${expect}${added}\r\n`;
}
