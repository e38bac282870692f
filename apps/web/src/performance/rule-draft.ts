import type { AlertRule } from "@peregrine/protocol";

/** A rule as it stands in the form: every field a text, as it was typed. */
export type RuleDraft = {
  /** Null for a rule that is not there yet: its id is made of its title. */
  id: string | null;
  title: string;
  advice: string;
  expression: string;
  comparison: "above" | "below";
  threshold: string;
  clearThreshold: string;
  forSeconds: string;
  severity: AlertRule["severity"];
  leastExpression: string;
  leastValue: string;
  labels: string;
  inhibitedBy: string;
  isEnabled: boolean;
};

export const emptyDraft: RuleDraft = {
  id: null,
  title: "",
  advice: "",
  expression: "",
  comparison: "above",
  threshold: "",
  clearThreshold: "",
  forSeconds: "60",
  severity: "warning",
  leastExpression: "",
  leastValue: "",
  labels: "",
  inhibitedBy: "",
  isEnabled: true,
};

export function draftOf(rule: AlertRule): RuleDraft {
  const { least, labels, inhibitedBy, clearThreshold, ...same } = rule;
  return {
    ...same,
    threshold: String(rule.threshold),
    clearThreshold: clearThreshold === null ? "" : String(clearThreshold),
    forSeconds: String(rule.forSeconds),
    leastExpression: least?.expression ?? "",
    leastValue: least ? String(least.value) : "",
    labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(", "),
    inhibitedBy: inhibitedBy.join(", "),
  };
}

/** What is wrong with a draft, and in which field. */
export class DraftError extends Error {
  override readonly name = "DraftError";
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/**
 * The rule that a draft stands for. Whether its expressions can be used only the server knows.
 * @throws DraftError for what is no number or no label
 */
export function ruleOf(draft: RuleDraft): AlertRule {
  const { leastExpression, leastValue, labels, inhibitedBy, ...same } = draft;
  const hasLeast = leastExpression.trim() !== "";
  return {
    ...same,
    id: draft.id ?? idOf(draft.title),
    title: draft.title.trim(),
    advice: draft.advice.trim(),
    expression: draft.expression.trim(),
    threshold: number("threshold", draft.threshold),
    clearThreshold:
      draft.clearThreshold.trim() === "" ? null : number("clearThreshold", draft.clearThreshold),
    forSeconds: number("forSeconds", draft.forSeconds),
    least: hasLeast
      ? { expression: leastExpression.trim(), value: number("least", leastValue) }
      : null,
    labels: Object.fromEntries(list(labels).map(label)),
    inhibitedBy: list(inhibitedBy),
  };
}

/** Small letters, digits and `_`, as the server wants an id. */
function idOf(title: string): string {
  const id = title
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^[_0-9]+|_+$/g, "")
    .slice(0, 60);
  if (id === "") throw new DraftError("title", "Give it a title with some Latin letters.");
  return id;
}

function number(field: string, text: string): number {
  const value = Number(text.trim().replace(",", "."));
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new DraftError(field, `${JSON.stringify(text)} is no number.`);
  }
  return value;
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function label(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new DraftError("labels", `${JSON.stringify(text)} is not name=value.`);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
