import type { AlertFigureListBody, AlertRule, AlertTrialBody } from "@peregrine/protocol";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { ApiError, describeError } from "../api/api-error.ts";
import { useApp } from "../app/app-state.ts";
import { Dialog } from "../ui/dialog.tsx";
import { dateAndTime } from "../ui/time.ts";
import { DraftError, type RuleDraft, ruleOf } from "./rule-draft.ts";

const base = "/performance/alerts";
const severities = ["critical", "warning", "info", "none"] as const;
const shownFirings = 8;

type Failure = { field: string | undefined; message: string };
/** The fields that are one line of text. */
type TextField = Exclude<keyof RuleDraft, "id" | "comparison" | "severity" | "isEnabled">;

/** Makes or changes a rule, which can be tried on the last week before it is saved. */
export function RuleEditor(props: {
  draft: RuleDraft;
  onSave: (rule: AlertRule) => void;
  onClose: () => void;
}) {
  const app = useApp();
  const [draft, setDraft] = useState(props.draft);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [trial, setTrial] = useState<AlertTrialBody | null>(null);
  const [isTrying, setIsTrying] = useState(false);
  const change = (part: Partial<RuleDraft>) => {
    setDraft({ ...draft, ...part });
    setFailure(null);
    setTrial(null);
  };

  /** Tries the rule; the server reads it, and so says what is wrong with it. */
  const tried = async (): Promise<AlertRule | null> => {
    setIsTrying(true);
    try {
      const rule = ruleOf(draft);
      setTrial(await app.api.post<AlertTrialBody>(`${base}/rules/try`, rule));
      return rule;
    } catch (error) {
      const field =
        error instanceof DraftError || error instanceof ApiError ? error.field : undefined;
      const message = error instanceof DraftError ? error.message : describeError(error);
      setFailure({ field, message });
      return null;
    } finally {
      setIsTrying(false);
    }
  };
  const save = async () => {
    const rule = await tried();
    if (!rule) return;
    props.onSave(rule);
    props.onClose();
  };

  const text = (field: TextField, label: string, note?: ComponentChildren) => (
    <TextInput
      label={label}
      value={draft[field]}
      note={note}
      failure={failure && isAbout(failure, field) ? failure.message : null}
      onInput={(value) => change({ [field]: value })}
    />
  );
  return (
    <Dialog title={props.draft.id === null ? "New rule" : "Change a rule"} onClose={props.onClose}>
      <form
        class="rule-editor"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {text("title", "Title")}
        {text("advice", "What to do about it")}
        {text(
          "expression",
          "Expression",
          <Figures onChoose={(name) => change({ expression: `${draft.expression}${name}[5m]` })} />,
        )}
        <div class="rule-row">
          <label class="field">
            <span>Fires while it is</span>
            <select
              class="select"
              value={draft.comparison}
              onChange={(event) =>
                change({ comparison: event.currentTarget.value as RuleDraft["comparison"] })
              }
            >
              <option value="above">above</option>
              <option value="below">below</option>
            </select>
          </label>
          {text("threshold", "Threshold")}
          {text("clearThreshold", "Over again at", "The threshold itself when empty.")}
          {text("forSeconds", "After so many seconds")}
        </div>
        <div class="rule-row">
          <label class="field">
            <span>Severity</span>
            <select
              class="select"
              value={draft.severity}
              onChange={(event) =>
                change({ severity: event.currentTarget.value as RuleDraft["severity"] })
              }
            >
              {severities.map((severity) => (
                <option key={severity}>{severity}</option>
              ))}
            </select>
          </label>
          <label class="history-compare">
            <input
              type="checkbox"
              class="switch"
              role="switch"
              aria-checked={draft.isEnabled}
              checked={draft.isEnabled}
              onChange={(event) => change({ isEnabled: event.currentTarget.checked })}
            />
            switched on
          </label>
        </div>
        <details class="more-figures">
          <summary>More</summary>
          <div class="rule-row">
            {text(
              "leastExpression",
              "Only while this",
              "Such as requests[5m], so that few do not count.",
            )}
            {text("leastValue", "is at least")}
          </div>
          {text("inhibitedBy", "Not told while one of these fires", "Ids of rules, with commas.")}
          {text("labels", "Labels", "name=value, with commas. Receivers are told them.")}
        </details>
        {failure && !isShown(failure) && (
          <p class="performance-error" role="alert">
            {failure.message}
          </p>
        )}
        {trial && <Trial trial={trial} />}
        <footer class="dialog-actions">
          <button type="button" class="button" disabled={isTrying} onClick={() => void tried()}>
            Try on the last week
          </button>
          <button type="submit" class="button button-primary" disabled={isTrying}>
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

const textFields: readonly string[] = [
  "title",
  "advice",
  "expression",
  "threshold",
  "clearThreshold",
  "forSeconds",
  "least",
  "inhibitedBy",
  "labels",
];

/** The server names the two fields of the least amount as one. */
function isAbout({ field }: Failure, input: TextField): boolean {
  return field === input || (field === "least" && input.startsWith("least"));
}

function isShown({ field }: Failure): boolean {
  return field !== undefined && textFields.includes(field);
}

function TextInput(props: {
  label: string;
  value: string;
  note: ComponentChildren;
  failure: string | null;
  onInput: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field" data-invalid={props.failure === null ? undefined : ""}>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        value={props.value}
        aria-invalid={props.failure !== null}
        aria-describedby={`${id}-note`}
        autocomplete="off"
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <div id={`${id}-note`} class="field-note">
        {props.failure ?? props.note}
      </div>
    </div>
  );
}

/** What an expression can name, with what it is now. */
function Figures({ onChoose }: { onChoose: (name: string) => void }) {
  const app = useApp();
  const [list, setList] = useState<AlertFigureListBody | null>(null);
  useEffect(() => {
    app.api
      .get<AlertFigureListBody>(`${base}/figures`)
      .then(setList)
      // Without the list one can still type.
      .catch(() => {});
  }, [app.api]);
  if (!list) return <>Over figures with their windows, such as error_rate[5m] * 100.</>;
  return (
    <details>
      <summary>
        Over figures with their windows, such as error_rate[5m] * 100. See all figures
      </summary>
      <ul class="figure-names">
        {list.figures.map(({ name, about, unit, value }) => (
          <li key={name}>
            <button type="button" class="link-button" onClick={() => onChoose(name)}>
              {name}
            </button>{" "}
            {about} Now: {value === null ? "unknown" : `${Number(value.toPrecision(3))} (${unit})`}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Trial({ trial: { firings, looks, missing } }: { trial: AlertTrialBody }) {
  const times = firings.length === 1 ? "once" : `${firings.length} times`;
  return (
    <div role="status">
      <p>
        {looks === 0
          ? "There is no past to try it on yet."
          : firings.length === 0
            ? "It would not have fired in the last week."
            : `It would have fired ${times} in the last week.`}
        {missing > 0 && ` At ${missing} of ${looks} looks a figure was missing.`}
      </p>
      <ol class="timeline">
        {firings.slice(0, shownFirings).map(({ from, to, peak }) => (
          <li key={from}>
            {dateAndTime(from)} until {to === null ? "now" : dateAndTime(to)}, up to{" "}
            {Number(peak.toPrecision(3))}
          </li>
        ))}
      </ol>
    </div>
  );
}
