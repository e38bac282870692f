import type { Server, ServerState } from "./server.ts";

/** Servers between which an algorithm chooses freely. */
export class Group {
  readonly servers: readonly Server[];
  /** Of all its servers; kept up to date as tickets begin and end. */
  cost: number;
  readonly weight: number;
  readonly evenWeights: boolean;
  /** Running sums of the weights, for drawing by weight. */
  readonly #weightUpTo: Float64Array;

  constructor(servers: readonly Server[]) {
    this.servers = servers;
    this.#weightUpTo = new Float64Array(servers.length);
    let weight = 0;
    let cost = 0;
    for (const [index, server] of servers.entries()) {
      weight += server.weight;
      cost += server.cost;
      this.#weightUpTo[index] = weight;
      server.group = this;
    }
    this.weight = weight;
    this.cost = cost;
    this.evenWeights = servers.every((server) => server.weight === servers[0]?.weight);
  }

  /** The index of a server drawn at random, by weight; `fraction` is at least 0 and below 1. */
  draw(fraction: number): number {
    if (this.evenWeights) return Math.floor(fraction * this.servers.length);
    const target = fraction * this.weight;
    let low = 0;
    let high = this.servers.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#weightUpTo[middle] ?? 0) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export interface CandidateOptions {
  readonly zone: string | undefined;
  readonly slowStartMs: number;
  /** Whether probes, rather than live requests, end an ejection. */
  readonly probed: boolean;
}

/**
 * Who can be chosen, in order of preference: the servers of our own zone, those of others, backups.
 * Valid until `nextChangeMs` or until a server's state changes, so that a choice need not look at
 * the state of each server.
 */
export interface Candidates {
  readonly local: Group;
  readonly remote: Group;
  readonly backup: Group;
  /**
   * The fraction of requests that our own zone keeps. All while 72 % of its weight is up; below
   * that the rest carries 1.4 times its usual load, and what is more goes to other zones.
   */
  readonly localShare: number;
  readonly nextChangeMs: number;
}

const usualLoadFactor = 1.4;
const warmingSteps = 20;
const firstWarmingFraction = 0.1;

export function sortCandidates(
  servers: readonly Server[],
  options: CandidateOptions,
  now: number,
): Candidates {
  const local: Server[] = [];
  const remote: Server[] = [];
  const backup: Server[] = [];
  let localWeight = 0;
  let localWeightUp = 0;
  let nextChangeMs = Number.POSITIVE_INFINITY;
  for (const server of servers) {
    const state = server.state(now, options.probed);
    const stepMs = applySlowStart(server, options.slowStartMs, now);
    const isLocal = options.zone === undefined || (server.zone ?? options.zone) === options.zone;
    if (isLocal && !server.settings.backup && state !== "draining") {
      localWeight += server.settings.weight;
      if (isAvailable(state)) localWeightUp += server.weight;
    }
    nextChangeMs = Math.min(nextChangeMs, stepMs, endOfState(server, state, now));
    server.group = undefined;
    if (state !== "trial") server.trial = "none";
    else if (server.trial === "none") server.trial = "free";
    if (!isAvailable(state)) continue;
    if (server.settings.backup) backup.push(server);
    else if (isLocal) local.push(server);
    else remote.push(server);
  }
  return {
    local: new Group(local),
    remote: new Group(remote),
    backup: new Group(backup),
    localShare:
      localWeight === 0 ? 0 : Math.min(1, (usualLoadFactor * localWeightUp) / localWeight),
    nextChangeMs,
  };
}

function isAvailable(state: ServerState): boolean {
  return state === "up" || state === "trial";
}

/** Sets the weight for now: a tenth at first, then in steps up to the whole. Gives the next step's time. */
function applySlowStart(server: Server, slowStartMs: number, now: number): number {
  const { weight } = server.settings;
  if (server.warmingSinceMs === undefined) {
    server.weight = weight;
    return Number.POSITIVE_INFINITY;
  }
  const progress = slowStartMs === 0 ? 1 : (now - server.warmingSinceMs) / slowStartMs;
  if (progress >= 1) {
    server.warmingSinceMs = undefined;
    server.weight = weight;
    return Number.POSITIVE_INFINITY;
  }
  server.weight = weight * Math.max(firstWarmingFraction, progress);
  return now + slowStartMs / warmingSteps;
}

/** When the state ends by itself; never, for those that only an event ends. */
function endOfState(server: Server, state: ServerState, now: number): number {
  let endMs: number | undefined;
  if (state === "cooling") endMs = server.cooldown.untilMs;
  if (state === "ejected") endMs = server.circuit.openUntilMs;
  return endMs === undefined || endMs <= now ? Number.POSITIVE_INFINITY : endMs;
}
