import type { FigureSource } from "../expression/evaluate.ts";
import type { ReadyRule } from "../rules/rule.ts";
import { evaluateRule, inactiveState, nextState } from "./alert-state.ts";

export type Trial = {
  /** The times at which it would have fired, oldest first. */
  firings: { fromMs: number /** Null if it still would. */; toMs: number | null; peak: number }[];
  /** Moments that were looked at, and those of them at which a figure was missing. */
  looks: number;
  missing: number;
};

/** What a rule would have done in the past, looked at every `stepMs`. */
export function tryRule(
  rule: ReadyRule,
  source: FigureSource,
  range: { fromMs: number; toMs: number; stepMs: number },
): Trial {
  const trial: Trial = { firings: [], looks: 0, missing: 0 };
  let state = inactiveState(range.fromMs);
  for (let atMs = range.fromMs; atMs <= range.toMs; atMs += range.stepMs) {
    const evaluation = evaluateRule(rule, source, atMs);
    const before = state.state;
    state = nextState(rule, state, evaluation, atMs);
    trial.looks++;
    if (evaluation.kind === "missing") trial.missing++;
    const firing = trial.firings.at(-1);
    if (state.state === "firing" && before !== "firing") {
      trial.firings.push({ fromMs: atMs, toMs: null, peak: state.value ?? Number.NaN });
    } else if (before === "firing" && firing) {
      if (state.state !== "firing") firing.toMs = atMs;
      else if (state.value !== null) firing.peak = furthest(rule, firing.peak, state.value);
    }
  }
  return trial;
}

function furthest({ comparison }: ReadyRule, a: number, b: number): number {
  return comparison === "above" ? Math.max(a, b) : Math.min(a, b);
}
