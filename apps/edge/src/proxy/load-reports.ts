import { type Pool, readLoadHeader, type ServerInfo } from "@peregrine/balancer";

/** Under traffic a report is this old at most; each costs the server a look at what it knows anyway. */
const everyMs = 250;
const question = "endpoint-load-metrics-format: JSON\r\n";

/**
 * Asks servers what load they are under, with requests that they are sent anyway, in the form of
 * ORCA: a header that asks, and `endpoint-load-metrics` in the answer, which no client gets to see.
 */
export class LoadReports {
  readonly #pool: Pool;
  readonly #askedMs = new WeakMap<ServerInfo, number>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The header line to ask the server with; none where it was asked a moment ago. */
  question(server: ServerInfo, nowMs: number): string {
    const askedMs = this.#askedMs.get(server);
    if (askedMs !== undefined && nowMs - askedMs < everyMs) return "";
    this.#askedMs.set(server, nowMs);
    return question;
  }

  /** @param value of the header in its answer; what is no report is left alone */
  take(server: ServerInfo, value: string): void {
    const load = readLoadHeader(value);
    if (load !== undefined) this.#pool.report(server.id, load);
  }
}
