import type { RequestHead } from "../http/request-head.ts";
import { RequestIds } from "./request-ids.ts";

/** Who is at the other end of a connection, as far as the servers are told. */
export type Peer = {
  /** Without a port. */
  readonly address: string;
  readonly isSecure: boolean;
  /** A proxy whose word about the client is believed. */
  readonly isTrusted: boolean;
};

/**
 * Writes the headers that tell a server what the door knows: who asks, over what, for which host,
 * and under which names the request is traced. What a client claims about itself is replaced; what
 * a trusted proxy says is passed on, with that proxy's address added.
 */
export class Forwarding {
  /** What this door calls itself in Via, where a request that comes round again is known by it. */
  readonly #via: string;
  readonly #ids = new RequestIds();

  constructor(doorId: string) {
    this.#via = `1.1 ${doorId}`;
  }

  /** Whether the request has been through this door before: passing it on would never end. */
  isLoop(head: RequestHead): boolean {
    return head.via?.split(",").some((hop) => hop.trim() === this.#via) ?? false;
  }

  /** Scheme and host as the servers are told, and therefore as what they answer depends on. */
  origin(head: RequestHead, peer: Peer): string {
    const claims = peer.isTrusted ? head.forwarded : nothingClaimed;
    const host = claims.host ?? head.host;
    // Servers may look at either.
    const asked = host === head.host ? "" : `(${head.host})`;
    return `${claims.proto ?? (peer.isSecure ? "https" : "http")}://${host?.toLowerCase()}${asked}`;
  }

  lines(head: RequestHead, peer: Peer): string {
    const scheme = peer.isSecure ? "https" : "http";
    const claims = peer.isTrusted ? head.forwarded : nothingClaimed;
    const node = peer.address.includes(":") ? `"[${peer.address}]"` : peer.address;
    const proto = claims.proto ?? scheme;
    const host = claims.host ?? head.host;
    const hostLine = host === undefined ? "" : `x-forwarded-host: ${host}\r\n`;
    const hostPart = head.host === undefined ? "" : `;host="${head.host}"`;
    return `x-forwarded-for: ${before(claims.for)}${peer.address}\r\nx-forwarded-proto: ${proto}\r\n${hostLine}forwarded: ${before(claims.forwarded)}for=${node};proto=${scheme}${hostPart}\r\nvia: ${before(head.via)}${this.#via}\r\n${this.#ids.lines(head.requestId, head.traceparent)}`;
  }
}

const nothingClaimed = { for: undefined, host: undefined, proto: undefined, forwarded: undefined };

function before(list: string | undefined): string {
  return list === undefined ? "" : `${list}, `;
}
