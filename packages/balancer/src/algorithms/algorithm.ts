import type { Group } from "../candidates.ts";
import type { Demand } from "../demand.ts";
import type { Server } from "../server.ts";

/**
 * A way to choose. It is handed servers that are all well, and gives one that has room for the
 * request, or nothing when none has. It must give one whenever there is one, and allocates nothing.
 */
export interface Algorithm {
  choose(group: Group, demand: Demand, now: number): Server | undefined;
}

/** How little a server is to be wanted now: the lower the better. */
export type Score = (server: Server, demand: Demand, now: number) => number;
