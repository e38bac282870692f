/** How finely the past is kept, and for how long; finest first. */
export const steps = [
  { seconds: 1, keptSeconds: 5 * 60 },
  { seconds: 15, keptSeconds: 6 * 3600 },
  { seconds: 300, keptSeconds: 30 * 86_400 },
] as const;

export type StepSeconds = (typeof steps)[number]["seconds"];

/** Start of the span of `seconds` that a moment is in. */
export function floorTo(atMs: number, seconds: number): number {
  return Math.floor(atMs / (seconds * 1000)) * seconds * 1000;
}
