import type { Server, ServerState } from "./server.ts";
import type { WaitingRoom } from "./waiting-room.ts";

/** One server as an administrator sees it. */
export interface ServerSnapshot {
  readonly id: string;
  readonly url: string;
  readonly zone: string | undefined;
  readonly backup: boolean;
  readonly weight: number;
  /** The weight as slow start leaves it. */
  readonly currentWeight: number;
  readonly state: ServerState;
  readonly reason: string;
  readonly inFlight: number;
  readonly awaitingFirstByte: number;
  readonly cost: number;
  /** Undefined while unlimited. */
  readonly maxInFlight: number | undefined;
  /** The moving average that `peak_ewma` goes by. */
  readonly latencyMs: number;
}

export interface PoolSnapshot {
  readonly servers: readonly ServerSnapshot[];
  readonly waiting: { readonly interactive: number; readonly background: number };
}

export function takeSnapshot(
  servers: readonly Server[],
  room: WaitingRoom,
  now: number,
): PoolSnapshot {
  return {
    servers: servers.map((server) => ({
      id: server.id,
      url: server.url,
      zone: server.zone,
      backup: server.settings.backup,
      weight: server.settings.weight,
      currentWeight: server.weight,
      state: server.announced,
      reason: server.reason,
      inFlight: server.inFlight,
      awaitingFirstByte: server.awaiting.length,
      cost: server.cost,
      maxInFlight: Number.isFinite(server.maxInFlight) ? server.maxInFlight : undefined,
      latencyMs: server.latency.estimateMs(now),
    })),
    waiting: {
      interactive: room.lengthOf("interactive"),
      background: room.lengthOf("background"),
    },
  };
}
