import type { TraceContext } from "./trace-context.ts";

/** The names that OpenTelemetry has for them. */
export const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export type SamplerName = (typeof samplerNames)[number];

/**
 * Whether a trace is kept.
 *
 * @param randomness of the trace's id, see `randomnessOf`: every process decides the same
 */
export type Sampler = (randomness: number, parent: TraceContext | undefined) => boolean;

/** The last 7 bytes of a trace's id, which are random by the standard, as a number. */
export function randomnessOf(traceId: string): number {
  return Number.parseInt(traceId.slice(-14), 16);
}

/** @param ratio of the traces, for those that go by one */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const root = name.replace("parentbased_", "");
  const share = root === "traceidratio" ? ratio : root === "always_on" ? 1 : 0;
  // The greatest of 56 bits is rounded up to 2 ** 56 itself.
  const limit = share < 1 ? share * 2 ** 56 : Number.POSITIVE_INFINITY;
  if (!name.startsWith("parentbased_")) return (randomness) => randomness < limit;
  return (randomness, parent) => parent?.isSampled ?? randomness < limit;
}
