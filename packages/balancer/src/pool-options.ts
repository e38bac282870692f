import type { AlgorithmName } from "./algorithms/create-algorithm.ts";
import type { CircuitOptions } from "./circuit.ts";
import { type Clock, systemClock } from "./clock.ts";
import { BalancerError } from "./errors.ts";
import type { HealthCheckOptions, Probe } from "./health-checker.ts";
import { numberOption } from "./numbers.ts";
import type { PassiveHealthOptions } from "./passive-health.ts";
import type { PoolEvents } from "./pool-events.ts";
import type { ServerSpec } from "./server-list.ts";
import type { WaitingLineOptions } from "./waiting-line.ts";

/** How a pool is set up. Only the servers are needed. */
export interface PoolOptions {
  readonly servers: readonly ServerSpec[];
  /** `peak_ewma` when left out. */
  readonly algorithm?: AlgorithmName | undefined;
  /** Our own zone: its servers come first. Without one, all servers are equal. */
  readonly zone?: string | undefined;
  /** The addresses of this process, which a list must not name. */
  readonly ownUrls?: readonly string[] | undefined;
  /** Whether one address may be listed again under another id, as for each API key to it. */
  readonly sharesAddress?: boolean | undefined;
  /** Requests in flight for each server; without limit when left out. */
  readonly maxInFlight?: number | undefined;
  /** Requests that wait for room: 1,000, for 10 s. */
  readonly queue?: Partial<WaitingLineOptions> | undefined;
  /** How long a server that is new or back takes to get its full share: 30 s. */
  readonly slowStartMs?: number | undefined;
  /** How fast `peak_ewma` forgets: 10 s. */
  readonly latencyDecayMs?: number | undefined;
  /** How old a load report may be before `least_load` stops believing it: 60 s. */
  readonly reportMaxAgeMs?: number | undefined;
  /** How far beyond its share `affinity` loads a server before keys move on: 1.25. */
  readonly affinityLoadFactor?: number | undefined;
  /** How long a 429 without Retry-After cools a server down: 1 s. */
  readonly cooldownMs?: number | undefined;
  /** Ejection by live requests. */
  readonly ejection?: EjectionOptions | undefined;
  /** Probes. Without them every server counts as up until live requests say otherwise. */
  readonly health?: HealthOptions | undefined;
  /** What is told while it happens; see there. */
  readonly events?: PoolEvents | undefined;
  readonly clock?: Clock | undefined;
  /** From 0 to below 1. */
  readonly random?: (() => number) | undefined;
}

interface EjectionOptions {
  /** The first ejection, 2 s; each further one lasts twice as long, up to `maxMs`, 2 min. */
  readonly baseMs?: number | undefined;
  readonly maxMs?: number | undefined;
  /** 3. */
  readonly failuresInARow?: number | undefined;
  /** The share of servers that may be ejected on a guess: 0.5. */
  readonly maxFraction?: number | undefined;
  /** Silence with requests waiting that counts as a stall: 1 s, and ten times the usual latency. */
  readonly stallMs?: number | undefined;
  /** Slow is this many times the median latency, 4, and `slowByMs` above it, 100 ms. */
  readonly slowFactor?: number | undefined;
  readonly slowByMs?: number | undefined;
}

export interface HealthOptions {
  readonly probe: Probe;
  /** The version of the API that a server must answer for; any when left out. */
  readonly apiVersion?: string | undefined;
  /** 30 s. */
  readonly intervalMs?: number | undefined;
  /** 2 s. */
  readonly timeoutMs?: number | undefined;
  /** Good probes in a row to bring a server up: 2. */
  readonly up?: number | undefined;
  /** Bad probes in a row to take it down: 3. */
  readonly down?: number | undefined;
  /** Probes under way at once: 8. */
  readonly maxConcurrent?: number | undefined;
}

/** The same, checked and filled in. */
export interface PoolSettings {
  readonly zone: string | undefined;
  readonly ownUrls: readonly string[];
  readonly sharesAddress: boolean;
  readonly maxInFlight: number;
  readonly queue: WaitingLineOptions;
  readonly slowStartMs: number;
  readonly latencyDecayMs: number;
  readonly reportMaxAgeMs: number;
  readonly affinityLoadFactor: number;
  readonly cooldownMs: number;
  readonly circuit: CircuitOptions;
  readonly passive: PassiveHealthOptions;
  readonly health: HealthCheckOptions | undefined;
  readonly events: PoolEvents;
  readonly clock: Clock;
  readonly random: () => number;
}

const dayMs = 86_400_000;
const endless = Number.POSITIVE_INFINITY;

export function readPoolOptions(options: PoolOptions): PoolSettings {
  const { ejection = {}, queue = {}, health } = options;
  const number = numberOption;
  const baseMs = number("ejection.baseMs", ejection.baseMs, 2000, { min: 1, max: dayMs });
  const maxMs = number("ejection.maxMs", ejection.maxMs, Math.max(baseMs, 120_000), {
    min: baseMs,
    max: dayMs,
  });
  return {
    zone: options.zone,
    ownUrls: options.ownUrls ?? [],
    sharesAddress: options.sharesAddress ?? false,
    maxInFlight: number("maxInFlight", options.maxInFlight, endless, {
      min: 1,
      max: endless,
      integer: true,
    }),
    queue: {
      maxLength: number("queue.maxLength", queue.maxLength, 1000, {
        min: 0,
        max: 1_000_000,
        integer: true,
      }),
      maxWaitMs: number("queue.maxWaitMs", queue.maxWaitMs, 10_000, { min: 1, max: dayMs }),
    },
    slowStartMs: number("slowStartMs", options.slowStartMs, 30_000, { min: 0, max: dayMs }),
    latencyDecayMs: number("latencyDecayMs", options.latencyDecayMs, 10_000, {
      min: 1,
      max: dayMs,
    }),
    reportMaxAgeMs: number("reportMaxAgeMs", options.reportMaxAgeMs, 60_000, {
      min: 1,
      max: dayMs,
    }),
    affinityLoadFactor: number("affinityLoadFactor", options.affinityLoadFactor, 1.25, {
      min: 1,
      max: 100,
    }),
    cooldownMs: number("cooldownMs", options.cooldownMs, 1000, { min: 0, max: dayMs }),
    circuit: { baseMs, maxMs, forgetMs: 5 * 60_000 },
    passive: {
      failuresInARow: number("ejection.failuresInARow", ejection.failuresInARow, 3, {
        min: 1,
        max: 1000,
        integer: true,
      }),
      maxFraction: number("ejection.maxFraction", ejection.maxFraction, 0.5, { min: 0, max: 1 }),
      stallMs: number("ejection.stallMs", ejection.stallMs, 1000, { min: 1, max: dayMs }),
      slowFactor: number("ejection.slowFactor", ejection.slowFactor, 4, { min: 1, max: 1000 }),
      slowByMs: number("ejection.slowByMs", ejection.slowByMs, 100, { min: 0, max: dayMs }),
    },
    health: health === undefined ? undefined : readHealthOptions(health),
    events: options.events ?? {},
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

function readHealthOptions(health: HealthOptions): HealthCheckOptions {
  const times = { min: 1, max: dayMs };
  const counts = { min: 1, max: 100, integer: true };
  const intervalMs = numberOption("health.intervalMs", health.intervalMs, 30_000, times);
  if (typeof health.probe !== "function") {
    throw new BalancerError(
      "invalid_options",
      "health.probe must be a function that asks a server",
    );
  }
  return {
    probe: health.probe,
    apiVersion: health.apiVersion,
    intervalMs,
    timeoutMs: numberOption("health.timeoutMs", health.timeoutMs, 2000, times),
    up: numberOption("health.up", health.up, 2, counts),
    down: numberOption("health.down", health.down, 3, counts),
    maxConcurrent: numberOption("health.maxConcurrent", health.maxConcurrent, 8, counts),
  };
}
