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

/** Whether a trace is kept. */
export type Sampler = (traceId: string, parent: TraceContext | undefined) => boolean;

/** @param ratio of the traces, for those that go by one */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const root = name.replace("parentbased_", "");
  // The last 7 bytes are random by the standard: every process decides the same.
  const isChosen = (traceId: string) =>
    root === "traceidratio"
      ? Number.parseInt(traceId.slice(-14), 16) < ratio * 2 ** 56
      : root === "always_on";
  if (!name.startsWith("parentbased_")) return isChosen;
  return (traceId, parent) => parent?.isSampled ?? isChosen(traceId);
}
