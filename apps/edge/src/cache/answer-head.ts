import { readByteRange, type StoredResponse } from "@peregrine/cdn/edge-cache";
import type { RequestHead } from "../http/request-head.ts";
import type { ReadRequest } from "./read-cache-request.ts";

/** How the body of an answer is framed; of one whose length is not known yet, the client's version says. */
export type Framing = "length" | "chunked" | "until_close";

/** An answer from the cache, ready to be written. */
export type CacheAnswer = {
  readonly head: string;
  readonly status: number;
  /** What of the body is sent; nothing for HEAD, 304 and 416. */
  readonly span: { readonly start: number; readonly end: number } | "whole" | undefined;
  readonly framing: Framing;
};

/**
 * Makes the answer to a request out of a stored response: as much of it as the client does not have,
 * and has asked for.
 *
 * @param status a member of Cache-Status (RFC 9211)
 * @param keepsAlive whether the client's connection is to go on
 */
export function answerFrom(
  response: StoredResponse,
  request: ReadRequest,
  head: RequestHead,
  options: { nowMs: number; status: string; keepsAlive: boolean },
): CacheAnswer {
  const { nowMs } = options;
  const text = response.headText("ok", nowMs, request.isFromCache);
  const isSuccess = response.status >= 200 && response.status < 300;
  if (isSuccess && response.hasCurrent(request.ifNoneMatch, request.ifModifiedSince, nowMs)) {
    const notModified = response.headText("notModified", nowMs, request.isFromCache);
    return {
      head: notModified + ending(options),
      status: 304,
      span: undefined,
      framing: "length",
    };
  }
  const { body, status } = response;
  const isHead = request.method === "HEAD";
  if (response.status === 200 && body.isWhole && request.range !== undefined && !isHead) {
    const ranged = rangedAnswer(response, request, options);
    if (ranged !== undefined) return ranged;
  }
  const span = isHead ? undefined : "whole";
  const length = body.isWhole ? body.length : contentLengthOf(response);
  if (length !== undefined) {
    const framing = response.status === 204 ? "" : `content-length: ${length}\r\n`;
    return { head: text + framing + ending(options), status, span, framing: "length" };
  }
  if (head.minorVersion === 1) {
    const lines = `transfer-encoding: chunked\r\n${ending(options)}`;
    return { head: text + lines, status, span, framing: "chunked" };
  }
  const lines = ending({ ...options, keepsAlive: false });
  return { head: text + lines, status, span, framing: "until_close" };
}

function rangedAnswer(
  response: StoredResponse,
  request: ReadRequest,
  options: { nowMs: number; status: string; keepsAlive: boolean },
): CacheAnswer | undefined {
  const { length } = response.body;
  if (request.ifRange !== undefined && !response.isSameAs(request.ifRange)) return undefined;
  const span = readByteRange(request.range ?? "", length);
  if (span === undefined) return undefined;
  if (span === "unsatisfiable") {
    const head = `HTTP/1.1 416 Range Not Satisfiable\r\ncontent-range: bytes */${length}\r\ncontent-length: 0\r\n`;
    return { head: head + ending(options), status: 416, span: undefined, framing: "length" };
  }
  const lines = response.headText("partial", options.nowMs, request.isFromCache);
  const framing = `content-range: bytes ${span.start}-${span.end - 1}/${length}\r\ncontent-length: ${span.end - span.start}\r\n`;
  return { head: lines + framing + ending(options), status: 206, span, framing: "length" };
}

function ending({ status, keepsAlive }: { status: string; keepsAlive: boolean }): string {
  return `cache-status: ${status}\r\n${keepsAlive ? "\r\n" : "connection: close\r\n\r\n"}`;
}

/** Of a body that is still on its way. */
function contentLengthOf(response: StoredResponse): number | undefined {
  return response.body.expectedBytes;
}
