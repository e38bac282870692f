import type { CacheRequest } from "./cache-request.ts";
import { type Directives, secondsOf } from "./rules/directives.ts";
import type { StoredResponse } from "./stored-response.ts";

/** What may be done with a stored response: serve it as it is, old or not, or ask the server first. */
export type Usability = "fresh" | "stale" | "stale_while_renewed" | "expired";

/** What a request and the terms of a stored response that it selects make of each other (RFC 9111 4.2). */
export function usabilityOf(
  response: StoredResponse,
  request: CacheRequest,
  nowMs: number,
): Usability {
  const { terms } = response;
  if (terms.alwaysRevalidate || isRefused(response, request, nowMs)) return "expired";
  if (nowMs < terms.freshUntilMs) return "fresh";
  const staleMs = nowMs - terms.freshUntilMs;
  if (staleMs < terms.whileRevalidateMs) return "stale_while_renewed";
  const isTaken = !terms.mustRevalidate && staleMs <= takenStaleMs(request.directives);
  return isTaken ? "stale" : "expired";
}

/** Whether the request itself asks for one that is younger, or fresh for longer (RFC 9111 5.2.1). */
function isRefused(response: StoredResponse, { directives }: CacheRequest, nowMs: number): boolean {
  if (directives.size === 0) return false;
  if (directives.has("no-cache")) return true;
  const maxAge = secondsOf(directives, "max-age");
  if (maxAge !== undefined && (response.ageSeconds(nowMs) > maxAge || maxAge === 0)) return true;
  const minFresh = secondsOf(directives, "min-fresh");
  return minFresh !== undefined && response.ttlSeconds(nowMs) < minFresh;
}

/** How stale a response the client takes. */
function takenStaleMs(directives: Directives): number {
  if (directives.get("max-stale") === true) return Number.POSITIVE_INFINITY;
  return (secondsOf(directives, "max-stale") ?? -1) * 1000;
}
