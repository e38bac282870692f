import { expect, test } from "bun:test";
import type { AlertRule } from "@peregrine/protocol";
import { DraftError, draftOf, emptyDraft, ruleOf } from "./rule-draft.ts";

const rule: AlertRule = {
  id: "error_rate",
  title: "Many requests fail",
  advice: "See the log.",
  expression: "error_rate[5m]",
  comparison: "above",
  threshold: 0.05,
  clearThreshold: 0.03,
  forSeconds: 60,
  severity: "critical",
  labels: { team: "web", stage: "live" },
  least: { expression: "requests[5m]", value: 50 },
  inhibitedBy: ["silent_servers", "disk"],
  isEnabled: true,
};

test("a rule that is opened and saved untouched is the same rule", () => {
  expect(ruleOf(draftOf(rule))).toEqual(rule);
  const plain = { ...rule, clearThreshold: null, least: null, labels: {}, inhibitedBy: [] };
  expect(ruleOf(draftOf(plain))).toEqual(plain);
});

test("a new rule has its id of its title", () => {
  const draft = { ...emptyDraft, expression: "cpu[1m]", threshold: "0,5" };
  expect(ruleOf({ ...draft, title: "  50 % of the CPU: too much! " })).toMatchObject({
    id: "of_the_cpu_too_much",
    title: "50 % of the CPU: too much!",
    threshold: 0.5,
  });
});

test("what cannot be is told with its field", () => {
  const good = draftOf(rule);
  for (const [field, draft] of [
    ["threshold", { ...good, threshold: "much" }],
    ["threshold", { ...good, threshold: "" }],
    ["clearThreshold", { ...good, clearThreshold: "1e999" }],
    ["forSeconds", { ...good, forSeconds: "a while" }],
    ["least", { ...good, leastValue: "" }],
    ["labels", { ...good, labels: "team" }],
    ["title", { ...good, id: null, title: "隼" }],
  ] as const) {
    let thrown: unknown;
    try {
      ruleOf(draft);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DraftError);
    expect((thrown as DraftError).field).toBe(field);
  }
});
