import type { EjectionReason } from "./passive-health.ts";
import type { ServerState } from "./server.ts";
import type { ServerInfo, TicketEnd } from "./ticket.ts";

export interface StateChange {
  readonly server: ServerInfo;
  readonly from: ServerState;
  readonly to: ServerState;
  /** Why, in words for a log. */
  readonly reason: string;
}

export interface Ejection {
  readonly server: ServerInfo;
  readonly reason: EjectionReason;
  readonly forMs: number;
}

interface ProbeResult {
  readonly server: ServerInfo;
  readonly ok: boolean;
  /** What was wrong; empty when nothing was. */
  readonly words: string;
  readonly durationMs: number;
}

/**
 * What a pool tells while it happens, for metrics and logs. Called synchronously, some of it for
 * each request: a listener must be quick and must not throw.
 */
export interface PoolEvents {
  readonly onPick?: (server: ServerInfo, waitedMs: number) => void;
  readonly onFirstByte?: (server: ServerInfo, latencyMs: number) => void;
  readonly onEnd?: (server: ServerInfo, end: TicketEnd, durationMs: number) => void;
  readonly onStateChange?: (change: StateChange) => void;
  readonly onEjection?: (ejection: Ejection) => void;
  readonly onProbe?: (result: ProbeResult) => void;
  readonly onQueue?: (length: {
    readonly interactive: number;
    readonly background: number;
  }) => void;
}
