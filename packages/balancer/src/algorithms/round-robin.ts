import type { Group } from "../candidates.ts";
import { admits, type Demand } from "../demand.ts";
import type { Server } from "../server.ts";
import type { Algorithm } from "./algorithm.ts";

/**
 * Each in turn, by weight, and spread out: weights 5, 1 and 1 give a a b a c a a, not five a in a
 * row. Each round every server is credited its weight, and the one with the most credit is chosen
 * and pays for all. Servers of one weight simply take turns, without looking at each.
 */
export class RoundRobin implements Algorithm {
  #turn = 0;

  choose(group: Group, demand: Demand, now: number): Server | undefined {
    return group.evenWeights
      ? this.#nextInTurn(group.servers, demand, now)
      : mostCredited(group.servers, demand, now);
  }

  #nextInTurn(servers: readonly Server[], demand: Demand, now: number): Server | undefined {
    const count = servers.length;
    for (let tried = 0; tried < count; tried++) {
      this.#turn = (this.#turn + 1) % count;
      const server = servers[this.#turn] as Server;
      if (admits(server, demand, now)) return server;
    }
    return undefined;
  }
}

function mostCredited(servers: readonly Server[], demand: Demand, now: number): Server | undefined {
  let best: Server | undefined;
  let credited = 0;
  for (const server of servers) {
    if (!admits(server, demand, now)) continue;
    server.credit += server.weight;
    credited += server.weight;
    if (best === undefined || server.credit > best.credit) best = server;
  }
  if (best !== undefined) best.credit -= credited;
  return best;
}
