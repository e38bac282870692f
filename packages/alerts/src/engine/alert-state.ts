import { type Evaluation, evaluate, type FigureSource } from "../expression/evaluate.ts";
import type { ReadyRule } from "../rules/rule.ts";

/** How a rule stands, over the whole fleet. */
export type AlertState = {
  state: "inactive" | "pending" | "firing";
  /** Since when it is in this state. */
  sinceMs: number;
  /** What it came to when it was last looked at; null if that could not be said. */
  value: number | null;
  /** The figure that was not there when it was last looked at. */
  missing: string | null;
  /** When receivers were last told that it fires. */
  toldMs: number | null;
  /** Who has taken it on; it is not told again until it is over. */
  acknowledgedBy: string | null;
};

export function inactiveState(atMs: number): AlertState {
  return {
    state: "inactive",
    sinceMs: atMs,
    value: null,
    missing: null,
    toldMs: null,
    acknowledgedBy: null,
  };
}

/** What a rule comes to now. Less than its least traffic is quiet. */
export function evaluateRule(rule: ReadyRule, source: FigureSource, atMs: number): Evaluation {
  if (rule.parsedLeast && rule.least) {
    const least = evaluate(rule.parsedLeast, source, atMs);
    if (least.kind !== "value") return least;
    if (least.value < rule.least.value) return { kind: "quiet" };
  }
  return evaluate(rule.parsed, source, atMs);
}

/**
 * Moves a rule on: inactive, pending for `forSeconds`, firing, and back. Firing ends at
 * `clearThreshold` and not before. While a figure is missing nothing moves: what fires goes on
 * firing, and what is well is not said to be.
 */
export function nextState(
  rule: ReadyRule,
  last: AlertState,
  evaluation: Evaluation,
  atMs: number,
): AlertState {
  if (evaluation.kind === "missing") return { ...last, value: null, missing: evaluation.figure };
  const value = evaluation.kind === "value" ? evaluation.value : null;
  const seen = { ...last, value, missing: null };
  if (!isWrong(rule, value, last.state === "firing")) {
    return last.state === "inactive" ? seen : { ...inactiveState(atMs), value };
  }
  const sinceMs = last.state === "pending" ? last.sinceMs : atMs;
  if (last.state === "firing") return seen;
  if (atMs - sinceMs >= rule.forSeconds * 1000) {
    return { ...seen, state: "firing", sinceMs: atMs };
  }
  return { ...seen, state: "pending", sinceMs };
}

function isWrong(rule: ReadyRule, value: number | null, isFiring: boolean): boolean {
  if (value === null) return false;
  const { comparison, threshold, clearThreshold } = rule;
  if (isFiring && clearThreshold !== null) {
    return comparison === "above" ? value >= clearThreshold : value <= clearThreshold;
  }
  return comparison === "above" ? value > threshold : value < threshold;
}
