import { EncodedJson } from "./encoded-json.ts";
import { entityTag, isNotModified, taggedFor } from "./entity-tag.ts";
import type { RequestTimings } from "./request-timings.ts";
import { securityHeaders } from "./security-headers.ts";

const unstored = "no-store";
/** Kept by the browser alone, and asked after each time, which costs a 304. */
const privateAndAskedAfter = "private, no-cache";

type Outgoing = {
  request: Request;
  set: { headers: Record<string, unknown>; status?: number | string };
  /** What the route, or the handler of errors, answered. */
  responseValue: unknown;
};

type Headers = Record<string, string>;

/**
 * The last step of every response: the headers that all have, and, where a route answered with a
 * value, its JSON.
 *
 * - A read has a strong entity tag, and is a 304 without a body where the client has it already. It
 *   is private unless its route says otherwise.
 * - Whatever else is answered is not stored unless its route says otherwise.
 * - JSON from 1 kB is compressed as the client accepts it, except what is not stored: there a new
 *   secret (an API key, a session) may stand beside text that somebody else chose, and the length
 *   of the two compressed together gives it away (BREACH). No read holds a secret.
 *
 * A `Response` passes as it is: streams, files, and whatever was compressed before.
 */
export function deliver(timings: RequestTimings) {
  return ({ request, set, responseValue }: Outgoing): Response | Promise<Response> | undefined => {
    // A connection that became a socket.
    if (responseValue === undefined) return undefined;
    const shared: Headers = { ...securityHeaders };
    const timing = timings.header();
    if (timing !== undefined) shared["server-timing"] = timing;
    if (responseValue instanceof Response) {
      const { headers } = responseValue;
      for (const name in shared) headers.set(name, shared[name] as string);
      if (!headers.has("cache-control")) headers.set("cache-control", unstored);
      return responseValue;
    }
    const status = Number(set.status ?? 200);
    const headers: Headers = Object.assign(shared, set.headers);
    // Elysia takes a response apart to add what is set here; one that is whole goes out as it is.
    set.headers = {};
    set.status = 200;
    return responseValue instanceof EncodedJson
      ? encodedResponse(request, status, headers, responseValue)
      : jsonResponse(request, status, headers, responseValue);
  };
}

/** Where the client's copy is still good this is all that happens. */
function encodedResponse(
  request: Request,
  status: number,
  headers: Headers,
  body: EncodedJson,
): Response | Promise<Response> {
  headers["cache-control"] ??= privateAndAskedAfter;
  headers["content-type"] = "application/json;charset=utf-8";
  const isPrivate = headers["cache-control"].startsWith("private");
  headers.vary = isPrivate ? "Accept-Encoding, Authorization, Cookie" : "Accept-Encoding";
  const encoding = body.encodingFor(request.headers.get("accept-encoding"));
  headers.etag = taggedFor(body.etag, encoding);
  if (isNotModified(request, body.etag)) return new Response(null, { status: 304, headers });
  if (encoding === undefined) return new Response(body.bytes, { status, headers });
  headers["content-encoding"] = encoding;
  const bytes = body.compressed(encoding);
  return bytes instanceof Promise
    ? bytes.then((form) => new Response(form, { status, headers }))
    : new Response(bytes, { status, headers });
}

function jsonResponse(
  request: Request,
  status: number,
  headers: Headers,
  value: unknown,
): Response | Promise<Response> {
  const text = JSON.stringify(value);
  const isRead = status === 200 && (request.method === "GET" || request.method === "HEAD");
  const cacheControl = headers["cache-control"] ?? (isRead ? privateAndAskedAfter : unstored);
  headers["cache-control"] = cacheControl;
  headers["content-type"] = "application/json;charset=utf-8";
  if (cacheControl === unstored) return new Response(text, { status, headers });

  const bytes = new TextEncoder().encode(text);
  return encodedResponse(
    request,
    status,
    headers,
    new EncodedJson({ bytes, etag: entityTag(text) }),
  );
}
