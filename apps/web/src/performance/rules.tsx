import type { AlertRule, AlertRuleListBody } from "@peregrine/protocol";
import { useEffect, useState } from "preact/hooks";
import { describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { ConfirmDialog } from "../ui/dialog.tsx";
import type { Act } from "./performance-page.tsx";
import { draftOf, emptyDraft, type RuleDraft } from "./rule-draft.ts";
import { RuleEditor } from "./rule-editor.tsx";
import { Table } from "./table.tsx";

type Entry = AlertRuleListBody["rules"][number];

const origins = { default: "", changed: "changed", own: "own" } as const;

/** The rules behind the alerts, which administrators change, switch off and add to. */
export function Rules({ act }: { act: Act }) {
  const app = useApp();
  const [entries, setEntries] = useState<Entry[]>([]);
  const [draft, setDraft] = useState<RuleDraft | null>(null);
  const [doomed, setDoomed] = useState<Entry | null>(null);
  const load = async () => {
    try {
      setEntries((await app.api.get<AlertRuleListBody>("/performance/alerts/rules")).rules);
    } catch (error) {
      app.notices.show(describeError(error), "error");
    }
  };
  useEffect(() => void load(), []);
  const change = async (what: string, method: "PUT" | "DELETE", id: string, rule?: AlertRule) => {
    await act(what, method, `/alerts/rules/${id}`, rule);
    await load();
  };
  return (
    <details class="more-figures">
      <summary>Rules</summary>
      <Table columns={["Rule", "Fires while", "Severity", "Origin"]} hasActions>
        {entries.map((entry) => (
          <tr key={entry.rule.id}>
            <th scope="row">{entry.rule.title}</th>
            <td>{entry.rule.isEnabled ? condition(entry.rule) : "switched off"}</td>
            <td>{entry.rule.severity}</td>
            <td>
              {origins[entry.origin]}
              {entry.updatedBy !== null && ` by ${entry.updatedBy}`}
            </td>
            <td>
              <button
                type="button"
                class="quiet-button"
                aria-label={`Change ${entry.rule.title}`}
                onClick={() => setDraft(draftOf(entry.rule))}
              >
                Change
              </button>
              {entry.origin !== "default" && (
                <button
                  type="button"
                  class="quiet-button"
                  aria-label={`${removal(entry)} ${entry.rule.title}`}
                  onClick={() => setDoomed(entry)}
                >
                  {removal(entry)}
                </button>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <div class="section-actions">
        <button type="button" class="button" onClick={() => setDraft(emptyDraft)}>
          New rule
        </button>
      </div>
      {draft && (
        <RuleEditor
          draft={draft}
          onSave={(rule) => void change("The rule is saved.", "PUT", rule.id, rule)}
          onClose={() => setDraft(null)}
        />
      )}
      {doomed && (
        <ConfirmDialog
          title={`${removal(doomed)} “${doomed.rule.title}”?`}
          text={
            doomed.origin === "own"
              ? "The rule is gone, and nobody is told of it any more."
              : "The rule is again as it came."
          }
          action={removal(doomed)}
          onConfirm={() => void change("Done.", "DELETE", doomed.rule.id)}
          onClose={() => setDoomed(null)}
        />
      )}
    </details>
  );
}

function removal({ origin }: Entry): string {
  return origin === "own" ? "Delete" : "Reset";
}

function condition({ expression, comparison, threshold, forSeconds }: AlertRule): string {
  const lasting = forSeconds > 0 ? ` for ${forSeconds} s` : "";
  return `${expression} is ${comparison} ${threshold}${lasting}`;
}
