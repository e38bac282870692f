import type { Group } from "../candidates.ts";
import { costOf, type Demand } from "../demand.ts";
import type { Server } from "../server.ts";
import type { Algorithm } from "./algorithm.ts";
import { betterOfTwo } from "./better-of-two.ts";

/** Below this, differences are noise, and the load alone decides. */
const leastLatencyMs = 1;

/**
 * The better of two by how long the request would take there: the latency to the first byte of
 * late, times the cost in flight with this request in it. A server that answers nothing has no new
 * latencies, so the age of the oldest request that still waits there counts as one: a stuck server
 * is avoided as soon as it is later than usual, before any time limit.
 */
export class PeakEwma implements Algorithm {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  choose(group: Group, demand: Demand, now: number): Server | undefined {
    return betterOfTwo(group, demand, now, this.#random, expectedWait);
  }
}

function expectedWait(server: Server, demand: Demand, now: number): number {
  const oldest = server.awaiting.oldest;
  const oldestWaitMs = oldest === undefined ? 0 : now - oldest.startedAtMs;
  const latencyMs = Math.max(leastLatencyMs, oldestWaitMs, server.latency.estimateMs(now));
  return (latencyMs * (server.cost + costOf(demand))) / server.weight;
}
