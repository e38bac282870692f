import { BalancerError } from "../errors.ts";
import { show } from "../numbers.ts";
import { Affinity } from "./affinity.ts";
import type { Algorithm } from "./algorithm.ts";
import { LeastConnections } from "./least-connections.ts";
import { LeastLoad } from "./least-load.ts";
import { PeakEwma } from "./peak-ewma.ts";
import { RoundRobin } from "./round-robin.ts";

export const algorithmNames = [
  "round_robin",
  "least_connections",
  "least_load",
  "peak_ewma",
  "affinity",
] as const;

export type AlgorithmName = (typeof algorithmNames)[number];

interface AlgorithmContext {
  readonly random: () => number;
  readonly reportMaxAgeMs: number;
  readonly affinityLoadFactor: number;
}

export function createAlgorithm(name: string, context: AlgorithmContext): Algorithm {
  switch (name) {
    case "round_robin":
      return new RoundRobin();
    case "least_connections":
      return new LeastConnections();
    case "least_load":
      return new LeastLoad(context.random, context.reportMaxAgeMs);
    case "peak_ewma":
      return new PeakEwma(context.random);
    case "affinity":
      return new Affinity(context.random, context.affinityLoadFactor);
    default:
      throw new BalancerError(
        "invalid_options",
        `unknown algorithm ${show(name)}; choose one of ${algorithmNames.join(", ")}`,
      );
  }
}
