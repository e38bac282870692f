/** Who goes first, and what share of the limit each may fill. The first named is refused last. */
export const priorities = ["read", "answer", "low"] as const;

/**
 * - `read`: what a person looks at, and what costs as little
 * - `answer`: begins an answer of a model
 * - `low`: said of itself that it can wait
 */
export type Priority = (typeof priorities)[number];

/**
 * A request is admitted while fewer than this share of the limit are in flight, so that under load
 * the last tenth is for reads alone and the upper half for those that do not wait.
 */
export const shareOfLimit: Record<Priority, number> = { read: 1, answer: 0.9, low: 0.5 };
