import { type Expression, ExpressionError } from "../expression/expression.ts";
import { parseExpression } from "../expression/parse.ts";

export type Severity = "critical" | "warning" | "info" | "none";

/** When something is wrong, as data. */
export type Rule = {
  id: string;
  title: string;
  /** What to do about it. */
  advice: string;
  /** See `parseExpression`. */
  expression: string;
  comparison: "above" | "below";
  threshold: number;
  /** How far back across the threshold it must come to be over; the threshold itself without it. */
  clearThreshold: number | null;
  /** How long it must be so before it fires. */
  forSeconds: number;
  severity: Severity;
  labels: Record<string, string>;
  /** Another expression that must reach this, such as a least number of requests. */
  least: { expression: string; value: number } | null;
  /** Rules that cause this one: while one of them fires, this one is not told. */
  inhibitedBy: string[];
  isEnabled: boolean;
};

/** A rule whose expressions have been read. */
export type ReadyRule = Rule & { parsed: Expression; parsedLeast: Expression | null };

/** A rule that cannot be used. The message says what would be right. */
export class RuleError extends Error {
  override readonly name = "RuleError";
  /** The part of the rule that is wrong. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

const idPattern = /^[a-z][a-z0-9_]{0,59}$/;
const labelPattern = /^[a-zA-Z_][a-zA-Z0-9_]{0,59}$/;
const maxForSeconds = 86_400;
const maxLabels = 20;

/** @throws RuleError */
export function readyRule(rule: Rule): ReadyRule {
  const { id, title, threshold, clearThreshold, comparison, forSeconds, labels, least } = rule;
  if (!idPattern.test(id)) {
    throw new RuleError("id", "An id is lower-case letters, digits and _, 60 at most.");
  }
  if (title.trim() === "" || title.length > 200) {
    throw new RuleError("title", "A title has 1 to 200 characters.");
  }
  if (!Number.isFinite(threshold)) throw new RuleError("threshold", "The threshold is a number.");
  if (!(forSeconds >= 0 && forSeconds <= maxForSeconds)) {
    throw new RuleError("forSeconds", `It is from 0 to ${maxForSeconds} seconds.`);
  }
  const isClearWrong =
    clearThreshold !== null &&
    (comparison === "above" ? clearThreshold > threshold : clearThreshold < threshold);
  if (isClearWrong) {
    throw new RuleError("clearThreshold", "It must lie on the healthy side of the threshold.");
  }
  if (Object.keys(labels).length > maxLabels) {
    throw new RuleError("labels", `A rule has ${maxLabels} labels at most.`);
  }
  for (const name of Object.keys(labels)) {
    if (!labelPattern.test(name)) {
      throw new RuleError("labels", `${JSON.stringify(name)} is no name of a label.`);
    }
  }
  return {
    ...rule,
    parsed: parse("expression", rule.expression),
    parsedLeast: least && parse("least", least.expression),
  };
}

function parse(field: string, text: string): Expression {
  try {
    return parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new RuleError(field, `At character ${error.position + 1}: ${error.message}`);
  }
}
