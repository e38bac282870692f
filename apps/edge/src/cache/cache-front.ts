import {
  type CacheResult,
  EdgeCache,
  type EdgeCacheEvents,
  type EdgeCacheFigures,
  type StoredResponse,
} from "@peregrine/cdn/edge-cache";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Client, ClientUser } from "../proxy/client.ts";
import { Exchange } from "../proxy/exchange.ts";
import type { Peer } from "../proxy/forwarding.ts";
import type { ProxyContext } from "../proxy/proxy-context.ts";
import { CachedRequest } from "./cached-request.ts";
import { type ReadRequest, readCacheRequest } from "./read-cache-request.ts";
import { type FetchOptions, requestForAll, ServerFetch } from "./server-fetch.ts";

export type CacheFrontOptions = {
  readonly memoryBytes: number;
  readonly disk: { readonly directory: string; readonly maxBytes: number } | undefined;
  readonly events: EdgeCacheEvents;
};

/** What the cache holds, and how often it answered how since the start. */
export type CacheFrontFigures = EdgeCacheFigures & {
  readonly results: Readonly<Record<CacheResult, number>>;
};

const safe = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/**
 * The cache between a request's head and the choice of a server. Owns the requests to servers that
 * clients read from together, until `close`.
 */
export class CacheFront {
  readonly cache: EdgeCache;
  /** In Cache-Status. */
  readonly name = "peregrine";
  readonly #events: EdgeCacheEvents;
  readonly #fetches = new Set<ServerFetch>();
  readonly #results = { hit: 0, stale: 0, miss: 0, revalidated: 0, collapsed: 0, bypass: 0 };

  constructor(options: CacheFrontOptions) {
    this.#events = options.events;
    this.cache = new EdgeCache(options);
  }

  get figures(): CacheFrontFigures {
    return { ...this.cache.figures, results: { ...this.#results } };
  }

  /** Who answers a request, where the cache has a say in it. */
  answerFor(
    context: ProxyContext,
    client: Client,
    head: RequestHead,
  ): (ClientUser & { begin(): void }) | undefined {
    if (head.host === undefined || head.isUpgrade) return undefined;
    if (head.method === "GET" || head.method === "HEAD") {
      if (head.length !== 0 || head.expectsContinue) return undefined;
      const origin = context.forwarding.origin(head, client.peer);
      const request = readCacheRequest(head, origin, client.peer.address);
      return new CachedRequest(this, context, client, head, request);
    }
    if (safe.has(head.method)) return undefined;
    return new Exchange(context, client, head, {
      take: (answer) => {
        if (answer.status < 400) {
          this.#changed(context.forwarding.origin(head, client.peer), head.target, answer);
        }
        return answer;
      },
    });
  }

  fetch(options: Omit<FetchOptions, "onEnd">): ServerFetch {
    const fetch = new ServerFetch({ ...options, onEnd: (ended) => this.#fetches.delete(ended) });
    this.#fetches.add(fetch);
    return fetch;
  }

  /** Asks the server whether a response is still good, while it is served. */
  renew(
    context: ProxyContext,
    peer: Peer,
    head: RequestHead,
    request: ReadRequest,
    response: StoredResponse,
  ): void {
    const options = { leader: undefined, renewed: response, isShared: true };
    this.fetch({
      context,
      head: requestForAll(head, response.validators),
      peer,
      flight: this.cache.takeOff(request, options),
      leader: undefined,
    }).begin();
  }

  count(result: CacheResult): void {
    this.#results[result]++;
    this.#events.onResult?.(result);
  }

  sweep(nowMs: number): void {
    for (const fetch of this.#fetches) fetch.sweep(nowMs);
  }

  async close(): Promise<void> {
    for (const fetch of [...this.#fetches]) fetch.end();
    await this.cache.close();
  }

  /** What was changed without an error is no longer what is stored (RFC 9111 4.4). */
  #changed(origin: string, target: string, { lines }: ResponseHead): void {
    const location = /^location:(.*)$/im.exec(lines)?.[1]?.trim();
    const contentLocation = /^content-location:(.*)$/im.exec(lines)?.[1]?.trim();
    this.cache.invalidate(origin, target, [location, contentLocation]);
  }
}
