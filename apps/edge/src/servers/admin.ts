import { createHash, timingSafeEqual } from "node:crypto";
import { BalancerError, type Pool, type ServerSpec } from "@peregrine/balancer";
import type { DoorMetrics } from "@peregrine/metrics";
import { answerPurge } from "../cache/answer-purge.ts";
import type { CacheFront } from "../cache/cache-front.ts";
import type { Config } from "../config.ts";

export type AdminOptions = {
  readonly config: Config;
  readonly pool: Pool;
  /** Undefined where it is turned off. */
  readonly cache: CacheFront | undefined;
  /** Undefined where none are kept. */
  readonly metrics: DoorMetrics["exposition"] | undefined;
  /** What else the door knows of itself. */
  readonly figures: () => Record<string, number>;
  /** The list of servers has changed. */
  readonly onChange: () => void;
};

/**
 * The administration port:
 * - `GET /edge/servers`: each server, its state and its load.
 * - `POST /edge/servers` with `{"url": …, "weight": …}`: adds one, or takes a draining one back.
 * - `DELETE /edge/servers/<id>`: drains it, and removes it when the last request it has is over;
 *   with `?drain=false` it is removed at once, and what it has goes on.
 * - `PATCH /edge/servers/<id>` with `{"drained": true}`: gives it nothing new and keeps it, until
 *   `{"drained": false}` takes it back. The last server that takes requests is not drained so: who
 *   comes through the door to do it could not come back to undo it.
 * - `GET /metrics`: the door's figures, as Prometheus reads them.
 * - `GET /edge/cache`: what the cache holds, and how often it answered how.
 * - `PURGE /` with tags in `Surrogate-Key`: removes from the cache what carries one of them.
 * - `PURGE <path>`: removes what was asked for with this path and query. `DELETE /edge/cache`: all.
 *
 * An id is the server's address unless it was given another, and is percent-encoded in a path.
 * Listens on the loopback address unless told otherwise; asks for the token if there is one.
 */
export function startAdmin(options: AdminOptions): Bun.Server<undefined> {
  const { config } = options;
  return Bun.serve({
    hostname: config.EDGE_ADMIN_HOST,
    port: config.EDGE_ADMIN_PORT,
    maxRequestBodySize: 64 * 1024,
    async fetch(request) {
      try {
        return guard(config, request) ?? (await answer(options, request));
      } catch (error) {
        if (error instanceof BalancerError) return refusal(error.status, error.code, error.message);
        throw error;
      }
    },
    error: () => refusal(500, "internal", "Something went wrong here."),
  });
}

async function answer(options: AdminOptions, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const { pool, cache, figures } = options;
  if (request.method === "PURGE") return answerPurge(cache?.cache, request);
  if (url.pathname === "/edge/cache" && request.method === "GET") {
    return Response.json(cache?.figures ?? {});
  }
  if (url.pathname === "/edge/cache" && request.method === "DELETE") {
    await cache?.cache.purgeAll();
    return new Response(null, { status: 204 });
  }
  if (url.pathname === "/metrics" && request.method === "GET") return metricsOf(options);
  const id = /^\/edge\/servers\/(.+)$/.exec(url.pathname)?.[1];
  if (url.pathname === "/edge/servers" && request.method === "GET") {
    return Response.json({ ...pool.snapshot(), ...figures() });
  }
  if (url.pathname === "/edge/servers" && request.method === "POST") {
    return add(options, await readSpec(request));
  }
  if (id !== undefined && request.method === "DELETE") {
    return remove(options, decodeURIComponent(id), url.searchParams.get("drain") !== "false");
  }
  if (id !== undefined && request.method === "PATCH") {
    return setDrained(pool, decodeURIComponent(id), await request.json().catch(() => undefined));
  }
  return refusal(
    404,
    "not_found",
    "There is GET /metrics, GET and POST /edge/servers, PATCH and DELETE /edge/servers/<id>, GET and DELETE /edge/cache, and PURGE.",
  );
}

async function metricsOf({ metrics }: AdminOptions): Promise<Response> {
  if (!metrics) return refusal(404, "not_found", "There are no metrics: METRICS_ENABLED is false.");
  const headers = { "content-type": metrics.contentType, "cache-control": "no-store" };
  return new Response(await metrics.render(), { headers });
}

function add({ pool, onChange }: AdminOptions, spec: ServerSpec): Response {
  const known = pool
    .snapshot()
    .servers.find((server) => server.url === spec.url.replace(/\/+$/, ""));
  if (known?.state === "draining") pool.undrain(known.id);
  else pool.add(spec);
  onChange();
  return Response.json(pool.snapshot(), { status: 201 });
}

function remove({ pool, onChange }: AdminOptions, id: string, drains: boolean): Response {
  const drained = drains ? pool.drain(id) : Promise.resolve();
  drained
    .then(() => {
      const server = pool.snapshot().servers.find((each) => each.id === id);
      // Removed or taken back meanwhile.
      if (server === undefined || (drains && server.state !== "draining")) return;
      // What it still has goes on, and ends where it ends.
      pool.remove(id).catch(() => {});
      onChange();
    })
    .catch(() => {});
  return Response.json(pool.snapshot(), { status: 202 });
}

function setDrained(pool: Pool, id: string, body: unknown): Response {
  if (typeof body !== "object" || body === null || !("drained" in body)) return badDrained();
  if (body.drained === false) {
    pool.undrain(id);
  } else if (body.drained === true) {
    const others = pool.snapshot().servers.filter((server) => server.id !== id);
    // What is listed but ill takes nothing either.
    if (!others.some(({ state }) => state === "up" || state === "trial")) {
      const message =
        "No other server takes requests now. Bring another up before this is drained.";
      return refusal(409, "last_server", message);
    }
    pool.drain(id).catch(() => {});
  } else {
    return badDrained();
  }
  return Response.json(pool.snapshot());
}

function badDrained(): Response {
  return refusal(400, "invalid_request", 'Expected JSON: {"drained": true} or {"drained": false}.');
}

async function readSpec(request: Request): Promise<ServerSpec> {
  const spec: unknown = await request.json().catch(() => undefined);
  if (typeof spec === "object" && spec !== null && "url" in spec && typeof spec.url === "string") {
    return spec as ServerSpec;
  }
  throw new BalancerError(
    "invalid_servers",
    'Expected JSON such as {"url": "http://10.0.0.1:3000"}',
  );
}

/** Without a token, the name asked for must be the machine itself: a page elsewhere could ask too. */
function guard(config: Config, request: Request): Response | undefined {
  const token = config.EDGE_ADMIN_TOKEN;
  if (token === undefined) {
    const host = new URL(request.url).hostname;
    if (/^(127\.|\[::1\]$|localhost$)/.test(host)) return undefined;
    return refusal(403, "forbidden", "Ask for the loopback address, or set EDGE_ADMIN_TOKEN.");
  }
  const given = request.headers.get("authorization") ?? "";
  if (isSame(given, `Bearer ${token}`) || isSame(passwordOf(given), token)) return undefined;
  return refusal(
    401,
    "unauthenticated",
    "Expected the token of EDGE_ADMIN_TOKEN as a bearer token.",
  );
}

/** Takes the same time wherever the two differ. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Of an address such as `http://purge:<token>@door:3001`, as `CDN_PURGE_URLS` takes it. */
function passwordOf(authorization: string): string {
  const encoded = /^Basic (\S+)$/i.exec(authorization)?.[1] ?? "";
  return Buffer.from(encoded, "base64")
    .toString()
    .replace(/^[^:]*:/, "");
}

function refusal(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
