import { figures } from "../rules/figures.ts";
import type { Expression } from "./expression.ts";

/** The same expression in Prometheus' own language. */
export function toPromql(expression: Expression): string {
  switch (expression.kind) {
    case "number":
      return String(expression.value);
    case "figure":
      return figures[expression.name].promql.replaceAll("$w", duration(expression.windowSeconds));
    case "growth": {
      const { name, windowSeconds } = expression;
      const quarter = duration(windowSeconds / 4);
      const of = figures[name].promql.replaceAll("$w", quarter);
      const seconds = windowSeconds * 0.75;
      return `((${of}) - (${of.replaceAll(`[${quarter}]`, `[${quarter}] offset ${duration(seconds)}`)})) / ${seconds}`;
    }
    case "negate":
      return `-(${toPromql(expression.of)})`;
    case "binary":
      return `(${toPromql(expression.left)}) ${expression.operator} (${toPromql(expression.right)})`;
    default: {
      // Prometheus has no min of two: the one side where it is less, else the other.
      const sign = expression.kind === "least" ? "<" : ">";
      return expression.of
        .map(toPromql)
        .reduce((left, right) => `((${left}) ${sign} (${right}) or (${right}))`);
    }
  }
}

export function duration(seconds: number): string {
  return `${Math.round(seconds)}s`;
}
