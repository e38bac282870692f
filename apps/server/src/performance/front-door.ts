import type { BalancedServer, EdgeCacheFigures, ErrorCode } from "@peregrine/protocol";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ApiError } from "../http/api-error.ts";
import { balancedServer } from "./balanced-server.ts";

/** It answers from memory and stands near: what takes longer is not there, and a page waits. */
const defaultTimeoutMs = 2_000;

/** What of the door's own answers is looked at. */
const Snapshot = Type.Object({
  servers: Type.Array(
    Type.Object({
      id: Type.String(),
      state: Type.String(),
      reason: Type.String(),
      backup: Type.Boolean(),
      weight: Type.Number(),
      currentWeight: Type.Number(),
      inFlight: Type.Number(),
      maxInFlight: Type.Optional(Type.Number()),
      latencyMs: Type.Number(),
    }),
  ),
});
/** An empty object where the cache is off; without results from a door of an older version. */
const Cache = Type.Partial(
  Type.Object({
    memoryBytes: Type.Number(),
    memoryEntries: Type.Number(),
    diskBytes: Type.Number(),
    diskEntries: Type.Number(),
    results: Type.Record(Type.String(), Type.Number()),
  }),
);
const Refusal = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String() }),
});

/** What the door says no to for a reason of the request's, by its codes. */
const refusals: Record<string, ErrorCode> = {
  unknown_server: "not_found",
  last_server: "last_server",
};

/**
 * The front door's administration port, asked with the token in its address. Everything that is not
 * the answer of a door in time is `balancer_unavailable`, with what to look at; neither the address
 * nor the token is part of a message.
 */
export class FrontDoor {
  readonly #servers: string;
  readonly #cache: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;

  constructor(adminUrl: string, timeoutMs = defaultTimeoutMs) {
    const { origin, username, password } = new URL(adminUrl);
    this.#servers = `${origin}/edge/servers`;
    this.#cache = `${origin}/edge/cache`;
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const basic = `Basic ${Buffer.from(pair).toString("base64")}`;
    this.#headers = pair === ":" ? {} : { authorization: basic };
    this.#timeoutMs = timeoutMs;
  }

  /** @throws ApiError balancer_unavailable */
  async servers(): Promise<BalancedServer[]> {
    const { servers } = await this.#ask(this.#servers, {}, Snapshot);
    return servers.map(balancedServer);
  }

  /** Null where it is off. @throws ApiError balancer_unavailable */
  async cache(): Promise<EdgeCacheFigures | null> {
    const { results, ...kept } = await this.#ask(this.#cache, {}, Cache);
    if (!results) return null;
    const { hit = 0, stale = 0, collapsed = 0, miss = 0, revalidated = 0 } = results;
    const hits = hit + stale + collapsed;
    const requests = hits + miss + revalidated;
    return {
      requests,
      hits,
      hitRatio: requests > 0 ? hits / requests : null,
      bytes: (kept.memoryBytes ?? 0) + (kept.diskBytes ?? 0),
      entries: (kept.memoryEntries ?? 0) + (kept.diskEntries ?? 0),
    };
  }

  /**
   * Gives a server nothing new, or takes it back.
   *
   * @throws ApiError not_found, last_server, balancer_unavailable
   */
  async setDrained(id: string, drained: boolean): Promise<void> {
    const url = `${this.#servers}/${encodeURIComponent(id)}`;
    await this.#ask(url, { method: "PATCH", body: JSON.stringify({ drained }) }, Snapshot);
  }

  async #ask<T extends TSchema>(url: string, init: RequestInit, schema: T): Promise<Static<T>> {
    let response: Response;
    let body: unknown;
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      response = await fetch(url, { ...init, headers: this.#headers, redirect: "manual", signal });
      body = await response.json().catch((error: unknown) => {
        if (signal.aborted) throw error;
        return undefined;
      });
    } catch (cause) {
      const message = "The front door does not answer on its administration port (EDGE_ADMIN_URL).";
      throw new ApiError("balancer_unavailable", message, { cause });
    }
    if (response.ok && Value.Check(schema, body)) return body;
    const refusal = Value.Check(Refusal, body) ? body.error : undefined;
    const code = refusal && refusals[refusal.code];
    if (refusal && code) throw new ApiError(code, refusal.message);
    throw new ApiError(
      "balancer_unavailable",
      response.status === 401 || response.status === 403
        ? "The front door refuses this server: the token in EDGE_ADMIN_URL must be its EDGE_ADMIN_TOKEN."
        : `What answers at EDGE_ADMIN_URL (status ${response.status}) is not the front door's administration port.`,
    );
  }
}
