import { expect, test } from "bun:test";
import { defaultRules } from "../rules/default-rules.ts";
import type { FigureName } from "../rules/figures.ts";
import { type Rule, RuleError, readyRule } from "../rules/rule.ts";
import { evaluateRule, inactiveState, nextState } from "./alert-state.ts";
import { tryRule } from "./try-rule.ts";

const cpuRule: Rule = {
  ...(defaultRules.find(({ id }) => id === "cpu") as Rule),
  expression: "cpu[1m]",
  threshold: 0.8,
  clearThreshold: 0.7,
  forSeconds: 30,
};

/** The states that a rule goes through when the figure takes these values, 15 s apart. */
function statesFor(rule: Rule, values: (number | null)[]): string[] {
  const ready = readyRule(rule);
  let state = inactiveState(0);
  return values.map((value, i) => {
    const atMs = i * 15_000;
    state = nextState(ready, state, evaluateRule(ready, { value: () => value }, atMs), atMs);
    return state.missing ? `${state.state}, ${state.missing} missing` : state.state;
  });
}

test("it is pending for its time, fires, and is over only across the clear threshold", () => {
  expect(statesFor(cpuRule, [0.5, 0.9, 0.9, 0.9, 0.75, 0.71, 0.69, 0.75])).toEqual([
    "inactive",
    "pending",
    "pending",
    "firing",
    "firing",
    "firing",
    "inactive",
    "inactive",
  ]);
});

test("what dips in between begins to wait anew", () => {
  expect(statesFor(cpuRule, [0.9, 0.9, 0.5, 0.9, 0.9])).toEqual([
    "pending",
    "pending",
    "inactive",
    "pending",
    "pending",
  ]);
});

test("the threshold itself is not above it", () => {
  expect(statesFor({ ...cpuRule, forSeconds: 0 }, [0.8, 0.80001])).toEqual(["inactive", "firing"]);
});

test("a missing figure is said to be missing: it neither resolves nor fires anything", () => {
  expect(statesFor(cpuRule, [null, 0.9, 0.9, 0.9, null, 0.5])).toEqual([
    "inactive, cpu missing",
    "pending",
    "pending",
    "firing",
    "firing, cpu missing",
    "inactive",
  ]);
});

test("with less traffic than its least, a ratio is not judged", () => {
  const rule = readyRule(defaultRules.find(({ id }) => id === "error_rate") as Rule);
  const at = (requests: number) => ({
    value: (name: FigureName) => (name === "requests" ? requests : 1),
  });
  expect(evaluateRule(rule, at(49), 0)).toEqual({ kind: "quiet" });
  expect(evaluateRule(rule, at(50), 0)).toEqual({ kind: "value", value: 1 });
});

test("a rule can be tried on the past: when it would have fired, and how far it went", () => {
  // Two hours of a busy CPU in a day, looked at every five minutes.
  const hour = 3_600_000;
  const source = {
    value: (_: FigureName, __: number, toMs: number) =>
      toMs > 10 * hour && toMs <= 12 * hour ? (toMs === 11 * hour ? 0.97 : 0.9) : 0.2,
  };
  const rule = readyRule({ ...cpuRule, forSeconds: 600 });
  const trial = tryRule(rule, source, { fromMs: 0, toMs: 24 * hour, stepMs: 300_000 });
  expect(trial.firings).toEqual([
    { fromMs: 10 * hour + 900_000, toMs: 12 * hour + 300_000, peak: 0.97 },
  ]);
  expect(trial).toMatchObject({ looks: 289, missing: 0 });
});

test("every rule that comes along can be used, and names only rules that there are", () => {
  const ids = new Set(defaultRules.map(({ id }) => id));
  expect(ids.size).toBe(defaultRules.length);
  for (const rule of defaultRules) {
    readyRule(rule);
    for (const id of rule.inhibitedBy) expect(ids).toContain(id);
  }
});

test.each([
  ["id", { id: "No Id" }],
  ["title", { title: " " }],
  ["threshold", { threshold: Number.NaN }],
  ["forSeconds", { forSeconds: -1 }],
  ["clearThreshold", { clearThreshold: 0.9 }],
  ["labels", { labels: { "not a name": "x" } }],
  ["expression", { expression: "cpu[5m] /" }],
  ["least", { least: { expression: "what[5m]", value: 1 } }],
] as const)("a wrong %s is refused by its name", (field, change) => {
  try {
    readyRule({ ...cpuRule, ...change });
    throw new Error("was not refused");
  } catch (error) {
    expect(error).toBeInstanceOf(RuleError);
    expect((error as RuleError).field).toBe(field);
  }
});
