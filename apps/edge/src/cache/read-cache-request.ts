import { type CacheRequest, readDirectives } from "@peregrine/cdn/edge-cache";
import { nameKey, nameKeys } from "../http/header-scanner.ts";
import type { RequestHead } from "../http/request-head.ts";

const looked = [
  "authorization",
  "cache-control",
  "cookie",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "range",
  "surrogate-capability",
] as const;
type Looked = (typeof looked)[number];
const keys = nameKeys(looked);
const names = new Set<string>(looked);

/** A request that the cache may have the answer to, and what else is of use to it. */
export type ReadRequest = CacheRequest & {
  /** It comes through a cache that wants the keys of what it keeps. */
  readonly isFromCache: boolean;
};

/**
 * What the cache has to know of a request.
 *
 * @param origin scheme and host as the servers are told
 */
export function readCacheRequest(head: RequestHead, origin: string, address: string): ReadRequest {
  const { lines, target } = head;
  const found: { [name in Looked]?: string } = {};
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r\n", colon);
    if (keys[nameKey(colon - at, lines.charCodeAt(at))] === 1) {
      const name = lines.slice(at, colon).toLowerCase();
      if (names.has(name)) {
        const value = lines.slice(colon + 1, end).trim();
        const before = found[name as Looked];
        found[name as Looked] = before === undefined ? value : `${before}, ${value}`;
      }
    }
    at = end + 2;
  }
  // RFC 9111 5.4: what clients of HTTP/1.0 say instead.
  const pragma = found.pragma?.toLowerCase().includes("no-cache") ? "no-cache" : undefined;
  return {
    method: head.method === "HEAD" ? "HEAD" : "GET",
    key: origin + target,
    target,
    directives: readDirectives(found["cache-control"] ?? pragma),
    hasAuthorization: found.authorization !== undefined,
    hasCookie: found.cookie !== undefined,
    range: head.method === "GET" ? found.range : undefined,
    isForServer: found["if-match"] !== undefined || found["if-unmodified-since"] !== undefined,
    ifRange: found["if-range"],
    ifNoneMatch: found["if-none-match"],
    ifModifiedSince: found["if-modified-since"],
    isFromCache: found["surrogate-capability"] !== undefined,
    read: (name) => readField(head, name, address),
  };
}

/** Any field, also one that the door writes anew. */
function readField(head: RequestHead, name: string, address: string): string | undefined {
  if (name === "host") return head.host;
  if (name === "forwarded" || name === "x-forwarded-for") return address;
  let value: string | undefined;
  const { lines } = head;
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r\n", colon);
    if (colon - at === name.length && lines.slice(at, colon).toLowerCase() === name) {
      const more = lines.slice(colon + 1, end).trim();
      value = value === undefined ? more : `${value}, ${more}`;
    }
    at = end + 2;
  }
  return value;
}
