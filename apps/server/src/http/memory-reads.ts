import assert from "node:assert";
import type { Body } from "@peregrine/cache";
import type { createKnownReader } from "../auth/authentication.ts";
import type { CachedReads } from "../cache/cached-reads.ts";
import type { Endpoint, Endpoints } from "../performance/endpoints.ts";
import { deliverRead } from "./deliver.ts";
import { EncodedJson } from "./encoded-json.ts";
import { readPage } from "./page-query.ts";
import { totalTiming } from "./request-timings.ts";

type Dependencies = {
  endpoints: Endpoints;
  knownReader: ReturnType<typeof createKnownReader>;
  reads: CachedReads;
};

/**
 * A response that memory has all of; undefined for a request that is to go to the routes.
 *
 * @param startedMs when the request came, by `performance.now()`
 */
export type MemoryReads = (
  request: Request,
  endpoint: Endpoint,
  startedMs: number,
) => Response | undefined;

/**
 * What people read most, answered before the routes: the list of conversations, a conversation and
 * its first page, for somebody whose session memory knows, as bytes that were made before. Such a
 * request takes 17 µs of CPU instead of 26 by way of the routes, of 10 that `Bun.serve` takes for
 * the same bytes alone, since it makes no promise and no context.
 *
 * It decides nothing: it says what the route would say, by the same parts, or says nothing. So all
 * that is not the plain case goes to the routes: another method, a page that is not the first, a
 * body that has to be loaded, a stranger, anything that is wrong.
 */
export function memoryReads({ endpoints, knownReader, reads }: Dependencies): MemoryReads {
  const { firstConversations, conversation, firstMessages } = reads;
  const bodies = new Map<Endpoint, (userId: string, path: Path) => Body | undefined>();
  const answer = (path: string, peek: (userId: string, path: Path) => Body | undefined) => {
    const endpoint = endpoints.find("GET", `http://server${path}`);
    assert(endpoint.template.startsWith(path.slice(0, idStart)), `no route reads ${path}`);
    bodies.set(endpoint, peek);
  };
  answer("/api/v1/conversations", (userId, { limit }) =>
    firstConversations.peek({ userId, limit }),
  );
  answer("/api/v1/conversations/:id", (userId, { id }) => conversation.peek({ userId, id }));
  answer("/api/v1/conversations/:id/messages", (userId, { id, limit }) =>
    firstMessages.peek({ userId, conversationId: id, limit }),
  );
  return (request, endpoint, startedMs) => {
    const peek = bodies.get(endpoint);
    if (!peek || request.method !== "GET") return undefined;
    const path = readPath(request.url);
    const userId = path && knownReader(request);
    const body = userId && peek(userId, path);
    if (!body) return undefined;
    try {
      const timing = `${totalTiming(startedMs)}, ${threeOfMemory}`;
      const response = deliverRead(request, new EncodedJson(body), timing);
      return response instanceof Response ? response : undefined;
    } catch {
      // A header that is refused: the route says so.
      return undefined;
    }
  };
}

/** The session or key, its user, and the body. */
const threeOfMemory = 'cache;desc="memory 3"';

type Path = { id: string; limit: number };

const idStart = "/api/v1/conversations/".length;
const defaultLimit = readPage({}).limit;

/** @returns undefined for a query that says anything but a `limit` */
function readPath(url: string): Path | undefined {
  const pathStart = url.indexOf("/", 8);
  const queryStart = url.indexOf("?", pathStart);
  const pathEnd = queryStart === -1 ? url.length : queryStart;
  let limit = defaultLimit;
  if (queryStart !== -1) {
    const said = /^limit=([1-9]\d?|100)$/.exec(url.slice(queryStart + 1))?.[1];
    if (said === undefined) return undefined;
    limit = Number(said);
  }
  const from = pathStart + idStart;
  const slash = url.indexOf("/", from);
  return { id: url.slice(from, slash === -1 || slash > pathEnd ? pathEnd : slash), limit };
}
