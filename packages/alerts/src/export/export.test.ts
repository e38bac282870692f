import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultRules } from "../rules/default-rules.ts";
import { grafanaDashboard } from "./grafana-dashboard.ts";
import { prometheusRules } from "./prometheus-rules.ts";

function promtool(text: string) {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-rules-"));
  const file = join(directory, "rules.yml");
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", file], {
    encoding: "utf8",
  });
  rmSync(directory, { recursive: true });
  return { status, output: stdout + stderr };
}

test("promtool takes the rules", () => {
  const { status, output } = promtool(prometheusRules(defaultRules));
  expect(output).toContain(`SUCCESS: ${defaultRules.length} rules found`);
  expect(status).toBe(0);
});

test("promtool takes what the dashboard asks", () => {
  const { panels } = grafanaDashboard() as { panels: { targets: { expr: string }[] }[] };
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(expressions.length).toBeGreaterThan(10);
  const rules = expressions.map(
    (expression, i) =>
      `      - record: panel_${i}\n        expr: ${JSON.stringify(expression.replaceAll("$__rate_interval", "1m"))}\n`,
  );
  const { status, output } = promtool(`groups:\n  - name: panels\n    rules:\n${rules.join("")}`);
  expect(output).toContain(`SUCCESS: ${expressions.length} rules found`);
  expect(status).toBe(0);
});

test("a rule that is switched off is not exported", () => {
  const off = defaultRules.map((rule) => ({ ...rule, isEnabled: rule.id === "cpu" }));
  expect(prometheusRules(off).match(/- alert: /g)).toHaveLength(1);
});
