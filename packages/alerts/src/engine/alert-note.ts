import type { ReadyRule, Severity } from "../rules/rule.ts";
import type { AlertState } from "./alert-state.ts";

/** What a receiver is told of one alert. */
export type AlertNote = {
  ruleId: string;
  title: string;
  advice: string;
  severity: Severity;
  labels: Record<string, string>;
  state: "firing" | "resolved";
  value: number | null;
  comparison: "above" | "below";
  threshold: number;
  /** Since when it fires, or fired. */
  sinceMs: number;
};

export function noteOf(
  rule: ReadyRule,
  { value, sinceMs }: AlertState,
  state: AlertNote["state"],
): AlertNote {
  const { id, title, advice, severity, labels, comparison, threshold } = rule;
  return {
    ruleId: id,
    title,
    advice,
    severity,
    labels,
    state,
    value,
    comparison,
    threshold,
    sinceMs,
  };
}

/** One line for people. */
export function describeNote(note: AlertNote): string {
  const { state, severity, title, value, comparison, threshold } = note;
  if (state === "resolved") return `resolved: ${title}`;
  const figure = value === null ? "unknown" : Number(value.toPrecision(3));
  return `${severity}: ${title} (${figure}, ${comparison} ${threshold})`;
}
