import { type FigureName, needsTraffic } from "../rules/figures.ts";
import type { Expression } from "./expression.ts";

/** Where figures come from. */
export type FigureSource = {
  /**
   * A figure over a span, of the whole fleet: null where nobody told it, or nothing happened,
   * undefined where this installation has nothing of the kind.
   */
  value(figure: FigureName, fromMs: number, toMs: number): number | null | undefined;
};

/**
 * - `value`: what it comes to
 * - `quiet`: nothing happened that could be judged, such as an error rate without requests
 * - `missing`: a figure that should be there is not; never to be taken for healthy
 */
export type Evaluation =
  | { kind: "value"; value: number }
  | { kind: "quiet" }
  | { kind: "missing"; figure: FigureName };

/** What an expression comes to at a moment. */
export function evaluate(expression: Expression, source: FigureSource, atMs: number): Evaluation {
  switch (expression.kind) {
    case "number":
      return { kind: "value", value: expression.value };
    case "figure": {
      const { name, windowSeconds } = expression;
      return known(name, source.value(name, atMs - windowSeconds * 1000, atMs));
    }
    case "growth":
      return growth(expression.name, expression.windowSeconds * 1000, source, atMs);
    case "negate": {
      const of = evaluate(expression.of, source, atMs);
      return of.kind === "value" ? { kind: "value", value: -of.value } : of;
    }
    case "binary": {
      const left = evaluate(expression.left, source, atMs);
      if (left.kind !== "value") return left;
      const right = evaluate(expression.right, source, atMs);
      if (right.kind !== "value") return right;
      return finite(apply(expression.operator, left.value, right.value));
    }
    default: {
      const values: number[] = [];
      for (const item of expression.of) {
        const of = evaluate(item, source, atMs);
        if (of.kind !== "value") return of;
        values.push(of.value);
      }
      const value = expression.kind === "least" ? Math.min(...values) : Math.max(...values);
      return { kind: "value", value };
    }
  }
}

/** From the mean of the oldest quarter of the window to that of the newest, a second. */
function growth(
  name: FigureName,
  windowMs: number,
  source: FigureSource,
  atMs: number,
): Evaluation {
  const quarterMs = windowMs / 4;
  const before = source.value(name, atMs - windowMs, atMs - windowMs + quarterMs);
  const now = source.value(name, atMs - quarterMs, atMs);
  if (now === null || now === undefined) return known(name, now);
  // A fleet that is younger than the window has no past to grow from.
  if (before === null || before === undefined) return { kind: "quiet" };
  return finite((now - before) / ((windowMs - quarterMs) / 1000));
}

function known(figure: FigureName, value: number | null | undefined): Evaluation {
  if (value === undefined) return { kind: "quiet" };
  if (value !== null) return { kind: "value", value };
  return needsTraffic(figure) ? { kind: "quiet" } : { kind: "missing", figure };
}

/** To divide by a figure that is zero now says nothing, and is no error. */
function finite(value: number): Evaluation {
  return Number.isFinite(value) ? { kind: "value", value } : { kind: "quiet" };
}

function apply(operator: "+" | "-" | "*" | "/", left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
  }
}
