import { type Unit, unitOfFigure } from "../rules/figures.ts";
import type { Expression } from "./expression.ts";

/** What the value of an expression is counted in; null where that is nothing with a name, as of a quotient. */
export function unitOf(expression: Expression): Unit | null {
  switch (expression.kind) {
    case "figure":
      return unitOfFigure(expression.name);
    case "negate":
      return unitOf(expression.of);
    case "least":
    case "greatest":
      return sameUnit(expression.of);
    case "binary": {
      const isSum = expression.operator === "+" || expression.operator === "-";
      return isSum ? sameUnit([expression.left, expression.right]) : null;
    }
    default:
      return null;
  }
}

function sameUnit(expressions: readonly Expression[]): Unit | null {
  const [first = null, ...others] = expressions.map(unitOf);
  return others.every((unit) => unit === first) ? first : null;
}
