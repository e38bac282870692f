import type { Group } from "../candidates.ts";
import { admits, type Demand } from "../demand.ts";
import type { Server } from "../server.ts";
import type { Algorithm } from "./algorithm.ts";

/**
 * The server with the least cost in flight for its weight. Where requests say no cost, each counts
 * 1 and the cost is the number of connections. Equals take turns.
 */
export class LeastConnections implements Algorithm {
  #turn = 0;

  choose(group: Group, demand: Demand, now: number): Server | undefined {
    const { servers } = group;
    const count = servers.length;
    if (count === 0) return undefined;
    this.#turn = (this.#turn + 1) % count;
    let best: Server | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    let index = this.#turn;
    for (let seen = 0; seen < count; seen++) {
      const server = servers[index] as Server;
      const load = server.cost / server.weight;
      if (load < bestLoad && admits(server, demand, now)) {
        best = server;
        bestLoad = load;
      }
      if (++index === count) index = 0;
    }
    return best;
  }
}
