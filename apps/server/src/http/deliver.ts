import type { Encoding } from "./accept-encoding.ts";
import { EncodedJson } from "./encoded-json.ts";
import { entityTag, isNotModified, taggedFor } from "./entity-tag.ts";
import type { RequestTimings } from "./request-timings.ts";
import { securityHeaders } from "./security-headers.ts";

const unstored = "no-store";
/** Kept by the browser alone, and asked after each time, which costs a 304. */
const privateAndAskedAfter = "private, no-cache";
const jsonType = "application/json;charset=utf-8";

type Outgoing = {
  request: Request;
  set: { headers: Record<string, unknown>; status?: number | string };
  /** What the route, or the handler of errors, answered. */
  responseValue: unknown;
};

type Fields = Record<string, string>;

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
    const shared: Fields = { ...securityHeaders };
    const timing = timings.header();
    if (timing !== undefined) shared["server-timing"] = timing;
    if (responseValue instanceof Response) {
      const { headers } = responseValue;
      for (const name in shared) headers.set(name, shared[name] as string);
      if (!headers.has("cache-control")) headers.set("cache-control", unstored);
      return responseValue;
    }
    const status = Number(set.status ?? 200);
    const own = set.headers as Fields;
    // Elysia takes a response apart to add what is set here; one that is whole goes out as it is.
    set.headers = {};
    set.status = 200;
    if (responseValue instanceof EncodedJson && status === 200 && isEmpty(own)) {
      return deliverRead(request, responseValue, timing);
    }
    const headers: Fields = Object.assign(shared, own);
    return jsonResponse(request, status, headers, responseValue);
  };
}

/**
 * Somebody's own read, of a body that was encoded before. Where the client's copy is still good
 * nothing more than that is said. The headers are made once for each form of a body: to make them
 * for each request costs as much as a fifth of the whole of it.
 */
export function deliverRead(
  request: Request,
  body: EncodedJson,
  timing: string | undefined,
): Response | Promise<Response> {
  const encoding = body.encodingFor(request.headers.get("accept-encoding"));
  const headers = headersOf(body, encoding);
  if (isNotModified(request, body.etag)) {
    return timed(new Response(null, { status: 304, headers: headers.unchanged }), timing);
  }
  const form = encoding === undefined ? body.bytes : body.compressed(encoding);
  const respond = (bytes: typeof body.bytes) =>
    timed(new Response(bytes, { headers: headers.whole }), timing);
  return form instanceof Promise ? form.then(respond) : respond(form);
}

function timed(response: Response, timing: string | undefined): Response {
  if (timing !== undefined) response.headers.set("server-timing", timing);
  return response;
}

type ReadHeaders = { whole: Headers; unchanged: Headers };
const readHeaders = new WeakMap<Uint8Array, Map<Encoding | undefined, ReadHeaders>>();

function headersOf(body: EncodedJson, encoding: Encoding | undefined): ReadHeaders {
  let forms = readHeaders.get(body.bytes);
  if (!forms) {
    forms = new Map();
    readHeaders.set(body.bytes, forms);
  }
  let headers = forms.get(encoding);
  if (!headers) {
    const fields = readFields(body.etag, encoding, privateAndAskedAfter);
    const unchanged = new Headers({ ...securityHeaders, ...fields });
    const whole = new Headers(unchanged);
    if (encoding !== undefined) whole.set("content-encoding", encoding);
    headers = { whole, unchanged };
    forms.set(encoding, headers);
  }
  return headers;
}

/** What a read says of itself, whether it comes whole or is unchanged. */
function readFields(etag: string, encoding: Encoding | undefined, cacheControl: string): Fields {
  const isPrivate = cacheControl.startsWith("private");
  return {
    "content-type": jsonType,
    "cache-control": cacheControl,
    vary: isPrivate ? "Accept-Encoding, Authorization, Cookie" : "Accept-Encoding",
    etag: taggedFor(etag, encoding),
  };
}

function jsonResponse(
  request: Request,
  status: number,
  headers: Fields,
  value: unknown,
): Response | Promise<Response> {
  const isRead = status === 200 && (request.method === "GET" || request.method === "HEAD");
  const cacheControl = headers["cache-control"] ?? (isRead ? privateAndAskedAfter : unstored);
  if (cacheControl === unstored) {
    headers["cache-control"] = unstored;
    headers["content-type"] = jsonType;
    return new Response(JSON.stringify(value), { status, headers });
  }
  const body = value instanceof EncodedJson ? value : encode(value);
  const encoding = body.encodingFor(request.headers.get("accept-encoding"));
  Object.assign(headers, readFields(body.etag, encoding, cacheControl));
  if (isNotModified(request, body.etag)) return new Response(null, { status: 304, headers });
  if (encoding === undefined) return new Response(body.bytes, { status, headers });
  headers["content-encoding"] = encoding;
  const bytes = body.compressed(encoding);
  return bytes instanceof Promise
    ? bytes.then((form) => new Response(form, { status, headers }))
    : new Response(bytes, { status, headers });
}

function encode(value: unknown): EncodedJson {
  const text = JSON.stringify(value);
  return new EncodedJson({ bytes: new TextEncoder().encode(text), etag: entityTag(text) });
}

function isEmpty(fields: Fields): boolean {
  for (const _ in fields) return false;
  return true;
}
