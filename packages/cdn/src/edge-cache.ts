export type { Body, BodyReader } from "./edge-cache/body.ts";
export type { CacheRequest } from "./edge-cache/cache-request.ts";
export {
  type CacheResult,
  EdgeCache,
  type EdgeCacheEvents,
  type EdgeCacheFigures,
  type Lookup,
} from "./edge-cache/edge-cache.ts";
export type { Flight, Landing, Waiter } from "./edge-cache/flight.ts";
export { eachField, type HeaderLines, keepLines } from "./edge-cache/header-lines.ts";
export { readByteRange } from "./edge-cache/rules/byte-range.ts";
export { readDirectives } from "./edge-cache/rules/directives.ts";
export type { StoredResponse } from "./edge-cache/stored-response.ts";
