import type { CacheRequest } from "../cache-request.ts";
import type { EdgeCache } from "../edge-cache.ts";
import type { Landing, ServerAnswer } from "../flight.ts";
import { readDirectives } from "../rules/directives.ts";

/** A request of a test, by its fields in lower case. */
export function requestFor(
  target: string,
  fields: Record<string, string> = {},
  method: "GET" | "HEAD" = "GET",
): CacheRequest {
  return {
    method,
    key: `http://a${target}`,
    target,
    directives: readDirectives(fields["cache-control"]),
    hasAuthorization: fields.authorization !== undefined,
    hasCookie: fields.cookie !== undefined,
    range: fields.range,
    isForServer: false,
    ifRange: fields["if-range"],
    ifNoneMatch: fields["if-none-match"],
    ifModifiedSince: fields["if-modified-since"],
    read: (name) => fields[name],
  };
}

/** An answer of a test. */
export function answerOf(
  fields: Record<string, string>,
  body: string,
  status = 200,
): ServerAnswer & { body: string } {
  const lines = Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return { status, statusLine: ` ${status} X`, lines, contentLength: body.length, body };
}

/** What a client gets: the body, and whether the server was asked for it. */
export type Got = { body: string; wasAsked: boolean; wasRenewed: boolean };

/**
 * A client of the cache with a server that answers at once.
 *
 * @param server is given the tag that it is asked about
 */
export async function ask(
  cache: EdgeCache,
  request: CacheRequest,
  server: (ifNoneMatch: string | undefined) => ServerAnswer & { body: string },
): Promise<Got> {
  const nowMs = cache.now();
  const found = cache.lookup(request, nowMs);
  if (found.is === "on_disk") {
    await found.loaded;
    return ask(cache, request, server);
  }
  if (found.is === "usable") {
    const body = found.response.body.from(0).toString();
    if (found.renew) {
      const options = { leader: undefined, renewed: found.response, isShared: true };
      fetchInto(cache, request, server, options);
    }
    return { body, wasAsked: false, wasRenewed: found.renew };
  }
  if (found.is === "on_its_way") throw new Error("nothing is on its way in between");
  const landings: Landing[] = [];
  const leader = { request, landed: (landing: Landing) => void landings.push(landing) };
  const renewed = found.is === "expired" ? found.response : undefined;
  const isShared = found.is === "expired" || found.mayBeShared;
  const answer = fetchInto(cache, request, server, { leader, renewed, isShared });
  const [came] = landings;
  if (came?.is === "nothing") return ask(cache, request, server);
  const served = came?.is === "usable" || came?.is === "stale" ? came.response : undefined;
  const body = served === undefined ? answer.body : served.body.from(0).toString();
  return { body, wasAsked: true, wasRenewed: false };
}

function fetchInto(
  cache: EdgeCache,
  request: CacheRequest,
  server: (ifNoneMatch: string | undefined) => ServerAnswer & { body: string },
  options: Parameters<EdgeCache["takeOff"]>[1],
): ServerAnswer & { body: string } {
  const flight = cache.takeOff(request, options);
  const answer = server(options.renewed?.validators.etag);
  if (flight.answered(answer) === "fill") {
    flight.filled(Buffer.from(answer.body));
    flight.filledUp();
  }
  return answer;
}
