import type { Group } from "../candidates.ts";
import { costOf, type Demand } from "../demand.ts";
import type { Server } from "../server.ts";
import type { Algorithm } from "./algorithm.ts";
import { betterOfTwo } from "./better-of-two.ts";

/** Below this, differences are noise, and the load alone decides. */
const leastLatencyMs = 1;

/**
 * The better of two by how long the request would wait there for its first byte: the latency of
 * late times the load, for its weight. The load is the geometric mean of the requests that wait
 * there already and of the cost in flight: among many long streams, which hardly slow a first byte
 * down, the cost alone would not show a burst (in the simulation p99 is 125 ms with both, 165 with
 * the cost alone).
 *
 * A server that answers nothing has no new latencies, so the age of the oldest request that still
 * waits there counts as one: a stuck server is avoided as soon as it is later than usual, before
 * any time limit.
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
  const load = Math.sqrt((server.awaiting.length + 1) * (server.cost + costOf(demand)));
  return (latencyMs * load) / server.weight;
}
