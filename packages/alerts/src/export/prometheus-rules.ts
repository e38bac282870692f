import { duration, toPromql } from "../expression/to-promql.ts";
import { type ReadyRule, type Rule, readyRule } from "../rules/rule.ts";

/** The rules as a Prometheus rule file. Where a rule clears is Prometheus' own: at the threshold. */
export function prometheusRules(rules: readonly Rule[]): string {
  const entries = rules.filter(({ isEnabled }) => isEnabled).map((rule) => entry(readyRule(rule)));
  return `groups:\n  - name: peregrine\n    interval: 15s\n    rules:\n${entries.join("")}`;
}

function entry(rule: ReadyRule): string {
  const { id, title, advice, comparison, threshold, least, parsed, parsedLeast } = rule;
  const sign = comparison === "above" ? ">" : "<";
  // A number alone is no alert in PromQL: it has to be a vector.
  const value = parsed.kind === "number" ? `vector(${parsed.value})` : toPromql(parsed);
  const judged = `(${value}) ${sign} ${threshold}`;
  const expression =
    least && parsedLeast
      ? `(${judged}) and on() ((${toPromql(parsedLeast)}) >= ${least.value})`
      : judged;
  const labels = Object.entries({ ...rule.labels, severity: rule.severity });
  return [
    `      - alert: ${id}`,
    `        expr: ${JSON.stringify(expression)}`,
    `        for: ${duration(rule.forSeconds)}`,
    "        labels:",
    ...labels.map(([name, text]) => `          ${name}: ${JSON.stringify(text)}`),
    "        annotations:",
    `          summary: ${JSON.stringify(title)}`,
    `          description: ${JSON.stringify(advice)}`,
    "",
  ].join("\n");
}
