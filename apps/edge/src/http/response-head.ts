import { cr, isValueCode, lf, space } from "./characters.ts";
import { HeadFields } from "./head-fields.ts";
import { MessageError } from "./message-error.ts";
import type { BodyLength } from "./request-head.ts";

/** An answer as far as a proxy has to understand it. */
export type ResponseHead = {
  readonly status: number;
  /** ` 200 OK`: what follows the version in the first line, without its CRLF. */
  readonly statusLine: string;
  /** Of the body that follows; 0 where the status or the method allows none. */
  readonly length: BodyLength;
  /** What Content-Length said, which is not the body's where it answers HEAD. */
  readonly contentLength: number | undefined;
  readonly keepAlive: boolean;
  /** The protocol that a 101 goes on with, in lower case. */
  readonly upgrade: string | undefined;
  /** What the server says of its own load (`endpoint-load-metrics`), which is for the door alone. */
  readonly loadReport: string | undefined;
  /** All other header lines as they came, each with its CRLF, without those of one hop. */
  readonly lines: string;
};

const digitZero = 48;

/** What is looked at, and what is left out. */
const fields = new HeadFields(
  ["endpoint-load-metrics", "upgrade"],
  ["keep-alive", "proxy-authenticate", "proxy-connection", "trailer"],
);

/**
 * Reads the head of an answer to a request with this method, as latin1 text with its empty line.
 *
 * @throws MessageError where it is not exactly HTTP/1.x, or where its end is in doubt
 */
export function readResponseHead(head: string, method: string): ResponseHead {
  const lineEnd = readStatusLine(head);
  const minorVersion = head.charCodeAt(7) === digitZero ? 0 : 1;
  const status = statusAt(head, 9);
  let upgrade: string | undefined;
  let loadReport: string | undefined;

  fields.begin(head, lineEnd + 2);
  for (let name = fields.next(); name !== undefined; name = fields.next()) {
    if (name === "upgrade") upgrade = fields.value.toLowerCase();
    else loadReport = fields.value;
  }

  const { contentLength, transferEncoding } = fields;
  return {
    status,
    statusLine: head.slice(8, lineEnd),
    length: readLength(status, method, contentLength, transferEncoding, minorVersion),
    contentLength,
    keepAlive: minorVersion === 1 && !fields.hasOption("close"),
    upgrade,
    loadReport,
    lines: fields.lines,
  };
}

/** Checks `HTTP/1.1 200 OK`. @returns where it ends, before its CRLF */
function readStatusLine(head: string): number {
  let at = 12;
  const isStatusLine =
    (head.startsWith("HTTP/1.1 ") || head.startsWith("HTTP/1.0 ")) && statusAt(head, 9) >= 100;
  if (isStatusLine && head.charCodeAt(at) === space) {
    while (isValueCode[head.charCodeAt(at)] === 1) at++;
  }
  if (!isStatusLine || head.charCodeAt(at) !== cr || head.charCodeAt(at + 1) !== lf) {
    throw new MessageError("An answer begins with a version and a status.");
  }
  return at;
}

/** Three digits as a number; 0 where they are none. */
function statusAt(head: string, at: number): number {
  let status = 0;
  for (let place = at; place < at + 3; place++) {
    const digit = head.charCodeAt(place) - digitZero;
    if (!(digit >= 0 && digit <= 9)) return 0;
    status = status * 10 + digit;
  }
  return status;
}

function readLength(
  status: number,
  method: string,
  contentLength: number | undefined,
  transferEncoding: string | undefined,
  minorVersion: 0 | 1,
): BodyLength {
  if (transferEncoding !== undefined) {
    if (contentLength !== undefined) {
      throw new MessageError("Content-Length and Transfer-Encoding exclude each other.");
    }
    if (transferEncoding !== "chunked" || minorVersion === 0) {
      throw new MessageError("The only Transfer-Encoding spoken here is chunked, in HTTP/1.1.");
    }
  }
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return 0;
  if (transferEncoding !== undefined) return "chunked";
  return contentLength ?? "until_close";
}
