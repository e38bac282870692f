import type { FigureName } from "../rules/figures.ts";

/** An expression that has been read. */
export type Expression =
  | { kind: "number"; value: number }
  | { kind: "figure"; name: FigureName; windowSeconds: number }
  | { kind: "growth"; name: FigureName; windowSeconds: number }
  | { kind: "negate"; of: Expression }
  | { kind: "binary"; operator: "+" | "-" | "*" | "/"; left: Expression; right: Expression }
  | { kind: "least" | "greatest"; of: Expression[] };

/** A text that is not an expression, with where it stops being one. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  /** Characters from the beginning. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** All figures in it, with the longest window of each. */
export function figuresIn(expression: Expression): Map<FigureName, number> {
  const found = new Map<FigureName, number>();
  const walk = (node: Expression): void => {
    if (node.kind === "figure" || node.kind === "growth") {
      found.set(node.name, Math.max(found.get(node.name) ?? 0, node.windowSeconds));
    } else if (node.kind === "negate") walk(node.of);
    else if (node.kind === "binary") {
      walk(node.left);
      walk(node.right);
    } else if (node.kind !== "number") node.of.forEach(walk);
  };
  walk(expression);
  return found;
}
