import type { Group } from "../candidates.ts";
import { admits, costOf, type Demand } from "../demand.ts";
import { hashFraction, hashText, joinHashes } from "../hash.ts";
import type { Server } from "../server.ts";
import type { Algorithm, Score } from "./algorithm.ts";
import { betterOfTwo } from "./better-of-two.ts";

/** Requests that a server may have beyond its share before a key moves on: at low load nothing moves. */
const slackRequests = 2;

/**
 * Sends a key to the same server each time, for what that server has warm. Each server has its own
 * order of preference for each key (rendezvous hashing), so that one that comes or goes moves only
 * its own keys, and all doors agree without talking. A server that carries more than `loadFactor`
 * times its share of the cost is passed over for the key's next choice, so that one busy key
 * cannot sink it. A request without a key goes to the less loaded of two.
 */
export class Affinity implements Algorithm {
  readonly #random: () => number;
  readonly #loadFactor: number;

  constructor(random: () => number, loadFactor: number) {
    this.#random = random;
    this.#loadFactor = loadFactor;
  }

  choose(group: Group, demand: Demand, now: number): Server | undefined {
    if (demand.key === undefined) {
      return betterOfTwo(group, demand, now, this.#random, loadOf);
    }
    const keyHash = hashText(demand.key);
    const cost = costOf(demand);
    const boundPerWeight = (this.#loadFactor * (group.cost + cost)) / group.weight;
    const slack = slackRequests * cost;
    let best: Server | undefined;
    let bestRank = Number.NEGATIVE_INFINITY;
    let over: Server | undefined;
    let overRank = Number.NEGATIVE_INFINITY;
    for (const server of group.servers) {
      const hash = joinHashes(server.idHash, keyHash);
      // -1 / ln(fraction) makes the chance to be first proportional to the weight.
      const rank = group.evenWeights ? hash : -server.weight / Math.log(hashFraction(hash));
      if (rank <= bestRank || !admits(server, demand, now)) continue;
      if (server.cost < boundPerWeight * server.weight + slack) {
        best = server;
        bestRank = rank;
      } else if (rank > overRank) {
        over = server;
        overRank = rank;
      }
    }
    return best ?? over;
  }
}

const loadOf: Score = (server) => server.cost / server.weight;
