import { figures, isFigure } from "../rules/figures.ts";
import { type Expression, ExpressionError } from "./expression.ts";

type Token = { text: string; position: number };

const tokenPattern = /\s*(\d+(?:\.\d+)?|[a-z_][a-z0-9_]*|\[\s*\d+\s*[smhd]\s*\]|[-+*/(),])/iy;
const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const maxLength = 500;
const maxDepth = 30;
const minWindowSeconds = 15;
const maxWindowSeconds = 3 * 86_400;

/**
 * Reads an expression over figures: numbers, `+ - * / ( )`, a figure with the window that it is
 * taken over (`error_rate[5m]`), `min(…)`, `max(…)`, and `growth(disk[6h])`, which is by how much
 * a figure grows in a second.
 *
 * @throws ExpressionError
 */
export function parseExpression(text: string): Expression {
  if (text.length > maxLength) {
    throw new ExpressionError(`An expression has ${maxLength} characters at most.`, maxLength);
  }
  const parser = new Parser(tokensOf(text), text.length);
  const expression = parser.sum(0);
  parser.end();
  return expression;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (!match?.[1]) {
      const position = at + (text.slice(at).length - text.slice(at).trimStart().length);
      throw new ExpressionError(
        `${JSON.stringify(text.slice(position, position + 10))} is not part of an expression.`,
        position,
      );
    }
    at = tokenPattern.lastIndex;
    tokens.push({ text: match[1], position: at - match[1].length });
  }
  return tokens;
}

/** One token ahead, downward from sums to single values. */
class Parser {
  readonly #tokens: readonly Token[];
  readonly #length: number;
  #next = 0;

  constructor(tokens: readonly Token[], length: number) {
    this.#tokens = tokens;
    this.#length = length;
  }

  sum(depth: number): Expression {
    if (depth > maxDepth) throw this.#wrong(`Expressions nest ${maxDepth} deep at most.`);
    let left = this.#product(depth);
    for (let sign = this.#take("+", "-"); sign; sign = this.#take("+", "-")) {
      left = { kind: "binary", operator: sign, left, right: this.#product(depth) };
    }
    return left;
  }

  end(): void {
    const rest = this.#peek();
    if (rest) throw this.#wrong(`${JSON.stringify(rest.text)} is too much here.`);
  }

  #product(depth: number): Expression {
    let left = this.#single(depth);
    for (let sign = this.#take("*", "/"); sign; sign = this.#take("*", "/")) {
      const right = this.#single(depth);
      if (sign === "/" && right.kind === "number" && right.value === 0) {
        throw this.#wrong("This divides by nothing.");
      }
      left = { kind: "binary", operator: sign, left, right };
    }
    return left;
  }

  #single(depth: number): Expression {
    if (this.#take("-")) return { kind: "negate", of: this.#single(depth + 1) };
    if (this.#take("(")) {
      const inner = this.sum(depth + 1);
      this.#require(")");
      return inner;
    }
    const token = this.#peek();
    if (!token) throw this.#wrong("A number or a figure is missing at the end.");
    this.#next++;
    if (/^\d/.test(token.text)) return { kind: "number", value: Number(token.text) };
    if (token.text === "min" || token.text === "max") {
      return { kind: token.text === "min" ? "least" : "greatest", of: this.#list(depth) };
    }
    if (token.text === "growth") {
      const [of, ...more] = this.#list(depth);
      if (of?.kind !== "figure" || more.length > 0) {
        throw new ExpressionError("growth(…) takes one figure.", token.position);
      }
      return { ...of, kind: "growth" };
    }
    return this.#figure(token);
  }

  #list(depth: number): Expression[] {
    this.#require("(");
    const items = [this.sum(depth + 1)];
    while (this.#take(",")) items.push(this.sum(depth + 1));
    this.#require(")");
    return items;
  }

  #figure({ text, position }: Token): Expression {
    if (!isFigure(text)) {
      const known = Object.keys(figures).join(", ");
      throw new ExpressionError(
        `There is no figure ${JSON.stringify(text)}. There are: ${known}.`,
        position,
      );
    }
    const window = /^\[\s*(\d+)\s*([smhd])\s*\]$/i.exec(this.#peek()?.text ?? "");
    if (!window) throw this.#wrong(`${text} needs a window, such as ${text}[5m].`);
    this.#next++;
    const windowSeconds = Number(window[1]) * (unitSeconds[window[2]?.toLowerCase() ?? ""] ?? 0);
    if (windowSeconds < minWindowSeconds || windowSeconds > maxWindowSeconds) {
      throw new ExpressionError("A window is from 15 seconds to 3 days.", position + text.length);
    }
    return { kind: "figure", name: text, windowSeconds };
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take<Text extends string>(...texts: Text[]): Text | undefined {
    const found = texts.find((text) => text === this.#peek()?.text);
    if (found) this.#next++;
    return found;
  }

  #require(text: string): void {
    if (!this.#take(text)) throw this.#wrong(`${JSON.stringify(text)} is missing here.`);
  }

  #wrong(message: string): ExpressionError {
    return new ExpressionError(message, this.#peek()?.position ?? this.#length);
  }
}
