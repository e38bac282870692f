import { isTargetCode, isTokenCode, space } from "./characters.ts";
import { HeadFields } from "./head-fields.ts";
import { MessageError } from "./message-error.ts";

/** How long a message's body is: known, told chunk by chunk, or until the connection ends. */
export type BodyLength = number | "chunked" | "until_close";

/** A request as far as a proxy has to understand it. */
export type RequestHead = {
  readonly method: string;
  /** Origin form, or `*`. */
  readonly target: string;
  readonly minorVersion: 0 | 1;
  /** Undefined in HTTP/1.0 alone. */
  readonly host: string | undefined;
  readonly length: number | "chunked";
  readonly keepAlive: boolean;
  /** Whether it asks to go on as a WebSocket. Other protocols are not offered upstream. */
  readonly isUpgrade: boolean;
  readonly expectsContinue: boolean;
  /** What earlier proxies said; whether it is believed is up to the reader. */
  readonly forwarded: ForwardedClaims;
  readonly via: string | undefined;
  readonly traceparent: string | undefined;
  readonly requestId: string | undefined;
  /** All other header lines as they came, each with its CRLF, without those of one hop. */
  readonly lines: string;
};

type ForwardedClaims = {
  for: string | undefined;
  host: string | undefined;
  proto: string | undefined;
  forwarded: string | undefined;
};

/** Looked at, and written anew or passed on by name. */
const fields = new HeadFields(
  [
    "expect",
    "forwarded",
    "host",
    "traceparent",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
  ],
  [
    "endpoint-load-metrics-format",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "x-real-ip",
  ],
);

/**
 * Reads the head of a request, as latin1 text with the empty line at its end.
 *
 * @throws MessageError where it is not exactly HTTP/1.x, or where its end is in doubt
 */
export function readRequestHead(head: string): RequestHead {
  const line = readRequestLine(head);
  const forwarded: ForwardedClaims = {
    for: undefined,
    host: undefined,
    proto: undefined,
    forwarded: undefined,
  };
  let host = line.authority;
  let hosts = 0;
  let upgrade: string | undefined;
  let expect: string | undefined;
  let via: string | undefined;
  let traceparent: string | undefined;
  let requestId: string | undefined;

  fields.begin(head, line.end);
  for (let name = fields.next(); name !== undefined; name = fields.next()) {
    switch (name) {
      case "host":
        hosts++;
        // The authority of an absolute target counts instead of Host (RFC 9112 3.2.2).
        host ??= fields.value;
        break;
      case "upgrade":
        upgrade = upgrade === undefined ? fields.value.toLowerCase() : "several";
        break;
      case "expect":
        expect = fields.value.toLowerCase();
        break;
      case "forwarded":
        forwarded.forwarded = joined(forwarded.forwarded, fields.value);
        break;
      case "x-forwarded-for":
        forwarded.for = joined(forwarded.for, fields.value);
        break;
      case "x-forwarded-host":
        forwarded.host = fields.value;
        break;
      case "x-forwarded-proto":
        forwarded.proto = fields.value;
        break;
      case "via":
        via = joined(via, fields.value);
        break;
      case "traceparent":
        traceparent = fields.value;
        break;
      case "x-request-id":
        requestId = fields.value;
        break;
    }
  }

  if (hosts > 1) throw new MessageError("Host is given twice.");
  if (hosts === 0 && line.minorVersion === 1) throw new MessageError("Host is missing.");
  if (host !== undefined && !isHost(host)) {
    throw new MessageError(`${JSON.stringify(host)} is no host.`);
  }
  if (expect !== undefined && expect !== "100-continue") {
    throw new MessageError("Expect may only ask for 100-continue.", 417);
  }
  return {
    method: line.method,
    target: line.target,
    minorVersion: line.minorVersion,
    host,
    length: readLength(fields.contentLength, fields.transferEncoding, line.minorVersion),
    keepAlive: line.minorVersion === 1 && !fields.hasOption("close"),
    isUpgrade:
      line.minorVersion === 1 &&
      line.method === "GET" &&
      upgrade === "websocket" &&
      fields.hasOption("upgrade"),
    expectsContinue: expect !== undefined && line.minorVersion === 1,
    forwarded,
    via,
    traceparent,
    requestId,
    lines: fields.lines,
  };
}

type RequestLine = {
  method: string;
  target: string;
  minorVersion: 0 | 1;
  /** Of a target in absolute form. */
  authority: string | undefined;
  /** Where the header lines begin. */
  end: number;
};

function readRequestLine(head: string): RequestLine {
  let at = 0;
  while (isTokenCode[head.charCodeAt(at)] === 1) at++;
  const method = head.slice(0, at);
  if (at === 0 || head.charCodeAt(at) !== space) {
    throw new MessageError("A request begins with a method and a space.");
  }
  const start = at + 1;
  at = start;
  while (isTargetCode[head.charCodeAt(at)] === 1) at++;
  const target = head.slice(start, at);
  const end = at + " HTTP/1.1\r\n".length;
  const version = head.slice(at, end);
  if (version !== " HTTP/1.1\r\n" && version !== " HTTP/1.0\r\n") {
    if (/^ HTTP\/\d(\.\d)?\r/.test(version)) {
      throw new MessageError("Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505);
    }
    throw new MessageError("A request's first line is a method, a target and a version.");
  }
  const minorVersion = version === " HTTP/1.1\r\n" ? 1 : 0;
  if (method === "CONNECT") throw new MessageError("CONNECT is not offered.", 405);
  if (method === "TRACE") throw new MessageError("TRACE is not offered.", 405);
  if (target.charCodeAt(0) === 47 /* / */) {
    return { method, target, minorVersion, authority: undefined, end };
  }
  if (target === "*" && method === "OPTIONS") {
    return { method, target, minorVersion, authority: undefined, end };
  }
  const absolute = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  if (absolute === null) {
    throw new MessageError("A request's target begins with a slash or with http://.");
  }
  const path = absolute[2] ?? "";
  return {
    method,
    target: path.startsWith("/") ? path : `/${path}`,
    minorVersion,
    authority: absolute[1],
    end,
  };
}

function readLength(
  contentLength: number | undefined,
  transferEncoding: string | undefined,
  minorVersion: 0 | 1,
): number | "chunked" {
  if (transferEncoding === undefined) return contentLength ?? 0;
  if (contentLength !== undefined) {
    throw new MessageError("Content-Length and Transfer-Encoding exclude each other.");
  }
  if (minorVersion === 0) throw new MessageError("HTTP/1.0 has no Transfer-Encoding.");
  if (transferEncoding !== "chunked") {
    throw new MessageError("The only Transfer-Encoding spoken here is chunked.", 501);
  }
  return "chunked";
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

/** A name or address with an optional port; no user, no path, nothing a log or URL could break on. */
function isHost(host: string): boolean {
  for (let at = 0; at < host.length; at++) {
    const code = host.charCodeAt(at);
    if (isTokenCode[code] === 1 || code === 58 || code === 91 || code === 93) continue;
    return false;
  }
  return host !== "";
}
