import type { Server } from "./server.ts";
import type { FailureKind, Ticket } from "./ticket.ts";

/**
 * - `unreachable`: refuses connections.
 * - `failures`: too many live requests failed in a row.
 * - `stalled`: requests wait there, and nothing has come back since the oldest was sent.
 * - `slow`: its typical latency is far above the others'.
 * - `trial`: failed the request or the probe that was to prove it well again.
 */
export type EjectionReason = "unreachable" | "failures" | "stalled" | "slow" | "trial";

export interface PassiveHealthOptions {
  readonly failuresInARow: number;
  /** The share of servers that guesses (everything but `unreachable` and `trial`) may eject. */
  readonly maxFraction: number;
  readonly stallMs: number;
  /** A server is slow at this many times the median of all, if that is also `slowByMs` more. */
  readonly slowFactor: number;
  readonly slowByMs: number;
}

/** What a live request met at a server. */
type Failure = {
  readonly kind: Exclude<FailureKind, "rate_limited">;
  /** More than the kind says, where more is known. */
  readonly words: string | undefined;
};

export type Eject = (server: Server, reason: EjectionReason, words: string) => void;

const sweepEveryMs = 1000;
const minSamples = 5;
const minComparable = 3;
const minStalled = 3;
const stallFactor = 10;

/**
 * Learns from live requests which servers are ill. What it concludes from failures in a row, from
 * silence and from latency are guesses, which may be our own fault, so they never eject more than
 * a share of the servers, and never the only one. A refused connection is no guess.
 */
export class PassiveHealth {
  readonly #options: PassiveHealthOptions;
  readonly #eject: Eject;
  #nextSweepMs = 0;
  #medianMs: number | undefined;
  /** Whether enough servers answer to tell which of them is unusual. */
  #isComparable = false;

  constructor(options: PassiveHealthOptions, eject: Eject) {
    this.#options = options;
    this.#eject = eject;
  }

  /** The latency of a typical server; nothing while too little is known. */
  get medianMs(): number | undefined {
    return this.#medianMs;
  }

  /** Only a request that was sent after the last failure proves that it is over. */
  succeeded(server: Server, ticket: Ticket): void {
    if (ticket.startedAtMs >= server.lastFailureAtMs) server.failuresInARow = 0;
  }

  failed(
    server: Server,
    ticket: Ticket,
    failure: Failure,
    servers: readonly Server[],
    now: number,
  ): void {
    const { kind, words } = failure;
    if (server.trial === ticket) {
      this.#eject(server, "trial", `failed again (${words ?? kind})`);
      return;
    }
    if (server.circuit.state(now) !== "closed") return;
    server.lastFailureAtMs = now;
    server.failuresInARow++;
    if (kind === "unreachable") {
      this.#eject(server, "unreachable", words ?? "no connection could be made");
    } else if (
      server.failuresInARow >= this.#options.failuresInARow &&
      this.#mayGuess(servers, now)
    ) {
      this.#eject(
        server,
        "failures",
        `${server.failuresInARow} failures in a row, the last: ${kind}`,
      );
    }
  }

  /** Looks for servers that are stalled or slow beside the others, once a second at most. */
  sweep(servers: readonly Server[], now: number): void {
    if (now < this.#nextSweepMs) return;
    this.#nextSweepMs = now + sweepEveryMs;
    const latencies = typicalLatencies(servers);
    this.#medianMs = median(latencies) ?? this.#medianMs;
    this.#isComparable = latencies.length >= minComparable;
    for (const server of servers) {
      if (server.circuit.state(now) === "closed") this.#judge(server, servers, now);
      server.typical.halve();
    }
  }

  #judge(server: Server, servers: readonly Server[], now: number): void {
    const { stallMs, slowFactor, slowByMs } = this.#options;
    const medianMs = this.#medianMs;
    if (medianMs === undefined) return;
    const silentMs = silence(server, now);
    if (silentMs > Math.max(stallMs, stallFactor * medianMs)) {
      if (!this.#mayGuess(servers, now)) return;
      const waiting = server.awaiting.length;
      this.#eject(server, "stalled", `${waiting} requests wait, none answered for ${ms(silentMs)}`);
      return;
    }
    const typicalMs = server.typical.typicalMs(minSamples);
    if (typicalMs === undefined || !this.#isComparable) return;
    const isSlow = typicalMs > slowFactor * medianMs && typicalMs > medianMs + slowByMs;
    if (isSlow && this.#mayGuess(servers, now)) {
      this.#eject(server, "slow", `takes ${ms(typicalMs)} where the median is ${ms(medianMs)}`);
    }
  }

  #mayGuess(servers: readonly Server[], now: number): boolean {
    if (servers.length < 2 || this.#options.maxFraction === 0) return false;
    const ejected = servers.filter((server) => server.circuit.state(now) !== "closed").length;
    return ejected + 1 <= Math.max(1, Math.floor(this.#options.maxFraction * servers.length));
  }
}

/** How long nothing has come from the server although several requests wait; 0 when it is not so. */
function silence(server: Server, now: number): number {
  const { oldest, length } = server.awaiting;
  if (oldest === undefined || length < minStalled) return 0;
  return server.lastFirstByteAtMs > oldest.startedAtMs ? 0 : now - oldest.startedAtMs;
}

function typicalLatencies(servers: readonly Server[]): number[] {
  const latencies: number[] = [];
  for (const server of servers) {
    const typicalMs = server.typical.typicalMs(minSamples);
    if (typicalMs !== undefined) latencies.push(typicalMs);
  }
  return latencies;
}

/** The lower one of the two in the middle: an ill server must not set the measure. */
function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
