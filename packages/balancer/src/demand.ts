import type { Server } from "./server.ts";

/** People wait for `interactive` requests; `background` ones yield to them. */
export type Priority = "interactive" | "background";

/** What a request asks of the server that it gets. Everything may be left out. */
export interface Demand {
  /** What belongs together, such as a conversation: `affinity` sends it to the same server. */
  readonly key?: string | undefined;
  /** Load that the request will be, such as tokens to come; 1 when left out, and at least 1. */
  readonly cost?: number | undefined;
  /** `interactive` when left out. */
  readonly priority?: Priority | undefined;
  /** The model that the server must offer. */
  readonly model?: string | undefined;
  /** Whose rate limit it counts against: a name for an API key, never the key. */
  readonly credential?: string | undefined;
  /** Ids of servers that it must not go to, such as those that failed it before. */
  readonly exclude?: readonly string[] | undefined;
}

export function costOf(demand: Demand): number {
  return demand.cost === undefined || !(demand.cost > 1) ? 1 : demand.cost;
}

export function offersModel(server: Server, model: string | undefined): boolean {
  const { models } = server.settings;
  return model === undefined || models === undefined || models.includes(model);
}

/** Whether the server suits the request, free or not. */
function suits(server: Server, demand: Demand, now: number): boolean {
  if (demand.model !== undefined && !offersModel(server, demand.model)) return false;
  if (demand.exclude?.includes(server.id)) return false;
  return demand.credential === undefined || server.cooldown.untilMsFor(demand.credential) <= now;
}

/** Whether a server that can be chosen at all has room for this request now. */
export function admits(server: Server, demand: Demand, now: number): boolean {
  if (server.inFlight >= server.maxInFlight || typeof server.trial === "object") return false;
  return suits(server, demand, now);
}
