import { expect, test } from "bun:test";
import fc from "fast-check";
import type { FigureName } from "../rules/figures.ts";
import { evaluate } from "./evaluate.ts";
import { ExpressionError } from "./expression.ts";
import { parseExpression } from "./parse.ts";
import { toPromql } from "./to-promql.ts";
import { unitOf } from "./unit-of.ts";

const atMs = 1_000_000_000;

/** Figures that have always been what they are. */
function source(values: Partial<Record<FigureName, number | null>>) {
  return { value: (name: FigureName) => values[name] ?? null };
}

const resultOf = (text: string, values: Partial<Record<FigureName, number | null>> = {}) =>
  evaluate(parseExpression(text), source(values), atMs);

test.each([
  ["1 + 2 * 3", 7],
  ["(1 + 2) * 3", 9],
  ["10 - 4 - 3", 3],
  ["12 / 3 / 2", 2],
  ["-2 * -3", 6],
  ["--1.5", 1.5],
  ["max(1, 2 + 5, 3)", 7],
  ["min(4, 3)", 3],
  ["cpu[5m] * 100", 50],
  ["min(error_rate[5m], error_rate[1h]) / 0.001", 20],
])("%s is %d", (text, value) => {
  const result = resultOf(text, { cpu: 0.5, error_rate: 0.02 });
  expect(result.kind).toBe("value");
  expect(result.kind === "value" && result.value).toBeCloseTo(value);
});

test.each([
  ["", 0, "missing at the end"],
  ["1 +", 3, "missing at the end"],
  ["cpu", 3, "such as cpu[5m]"],
  ["cpu[5m", 3, "not part of an expression"],
  ["cpu[1s]", 3, "15 seconds to 3 days"],
  ["cpu[9d]", 3, "15 seconds to 3 days"],
  ["nonsense[5m]", 0, "There is no figure"],
  ["1 / 0", 5, "divides by nothing"],
  ["(1 + 2", 6, '")" is missing'],
  ["1 2", 2, "too much here"],
  ["growth(1)", 0, "takes one figure"],
  ["1; drop", 1, "not part of an expression"],
  ["constructor[5m]", 0, "There is no figure"],
])("%j is refused at character %d", (text, position, message) => {
  try {
    parseExpression(text);
    throw new Error("was not refused");
  } catch (error) {
    expect(error).toBeInstanceOf(ExpressionError);
    expect((error as ExpressionError).position).toBe(position);
    expect((error as Error).message).toContain(message);
  }
});

test("whatever the text, it is an expression or an ExpressionError", () => {
  const pieces = fc.constantFrom("cpu[5m]", "1", "(", ")", "+", "/", "0", "min", ",", "[1m]", "-");
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseExpression(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
      }
    }),
  );
});

test("deep nesting is refused, not run out of stack on", () => {
  expect(() => parseExpression(`${"(".repeat(200)}1${")".repeat(200)}`)).toThrow("nest 30 deep");
});

test("a figure that should be there is missing, one without traffic is quiet", () => {
  expect(resultOf("cpu[5m] + 1")).toEqual({ kind: "missing", figure: "cpu" });
  expect(resultOf("error_rate[5m] * 2")).toEqual({ kind: "quiet" });
  expect(resultOf("1 / refused[5m]", { refused: 0 })).toEqual({ kind: "quiet" });
});

test("growth is from the oldest quarter of the window to the newest, a second", () => {
  const filling = {
    // A hundredth an hour.
    value: (_: FigureName, fromMs: number, toMs: number) =>
      0.5 + (0.01 * ((fromMs + toMs) / 2 - atMs)) / 3_600_000,
  };
  const result = evaluate(parseExpression("growth(disk[6h]) * 86400"), filling, atMs);
  expect(result.kind === "value" && result.value).toBeCloseTo(0.24);
});

test("what is young has no growth, and that is not missing", () => {
  const young = {
    value: (_: FigureName, fromMs: number) => (fromMs < atMs - 2 * 3_600_000 ? null : 0.5),
  };
  expect(evaluate(parseExpression("growth(disk[6h])"), young, atMs)).toEqual({ kind: "quiet" });
});

test("Prometheus is told the same windows", () => {
  expect(toPromql(parseExpression("cpu[5m] / 2"))).toBe(
    "(max(avg_over_time(system_cpu_usage_ratio[300s]))) / (2)",
  );
});

test("what an installation has none of is quiet, and not missing", () => {
  const none = { value: () => undefined };
  for (const text of ["replication_lag[1m]", "growth(certificate_days[1h])"]) {
    expect(evaluate(parseExpression(text), none, atMs)).toEqual({ kind: "quiet" });
  }
  expect(resultOf("replication_lag[1m]")).toEqual({ kind: "missing", figure: "replication_lag" });
});

test.each([
  ["response_time_p95[5m]", "seconds"],
  ["-memory[1m]", "fraction"],
  ["queue_length[1m] - queue_length[15m]", "count"],
  ["max(error_rate[5m], memory[1m])", "fraction"],
  ["min(error_rate[5m], throughput[5m])", null],
  ["errors[5m] / requests[5m]", null],
  ["growth(disk[6h])", null],
  ["1", null],
])("%s is counted in %p", (text, unit) => {
  expect(unitOf(parseExpression(text))).toBe(unit as ReturnType<typeof unitOf>);
});
