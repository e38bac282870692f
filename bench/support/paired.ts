import { percentile } from "./machine.ts";

/** A figure with the range that it is in with 95 % certainty. */
export type Estimate = { value: number; low: number; high: number };

const resamples = 5000;

/**
 * The mean of samples that know nothing of each other, with how sure it is: means of as many drawn
 * from them anew, with putting back (bootstrap).
 */
export function meanOf(samples: readonly number[]): Estimate {
  const mean = (of: readonly number[]) => of.reduce((sum, sample) => sum + sample, 0) / of.length;
  const redrawn = Array.from({ length: resamples }, () =>
    mean(samples.map(() => samples[Math.floor(Math.random() * samples.length)] as number)),
  );
  return {
    value: mean(samples),
    low: percentile(redrawn, 0.025),
    high: percentile(redrawn, 0.975),
  };
}

export function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
