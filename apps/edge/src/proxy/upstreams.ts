import type { ServerInfo } from "@peregrine/balancer";
import { Upstream } from "./upstream.ts";

/** The connections to all servers, by address. */
export class Upstreams {
  readonly #connectMs: number;
  readonly #byUrl = new Map<string, Upstream>();

  constructor(connectMs: number) {
    this.#connectMs = connectMs;
  }

  of(server: ServerInfo): Upstream {
    let upstream = this.#byUrl.get(server.url);
    if (upstream === undefined) {
      upstream = new Upstream(server.url, this.#connectMs);
      this.#byUrl.set(server.url, upstream);
    }
    return upstream;
  }

  /** Connections that are open to the server, at rest and in use. */
  connectionsTo(server: ServerInfo): number {
    return this.#byUrl.get(server.url)?.connections ?? 0;
  }

  sweep(nowMs: number): void {
    for (const upstream of this.#byUrl.values()) upstream.sweep(nowMs);
  }

  /** Forgets servers that are no longer listed; what they have under way goes on. */
  keepOnly(urls: ReadonlySet<string>): void {
    for (const [url, upstream] of this.#byUrl) {
      if (urls.has(url)) continue;
      upstream.retire();
      this.#byUrl.delete(url);
    }
  }

  close(): void {
    this.keepOnly(new Set());
  }
}
