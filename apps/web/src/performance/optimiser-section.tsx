import type { Advice, OptimiserResult, OptimiserRun } from "@peregrine/protocol";
import { useState } from "preact/hooks";
import { CopyButton } from "../ui/copy-button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import type { DatabaseState } from "./database-state.ts";
import { OptimiserHistory } from "./optimiser-history.tsx";
import type { Act } from "./performance-page.tsx";

const optimising = {
  title: "Optimise the database now?",
  text: "It builds indexes that are missing, analyses and vacuums the tables that need it, and sets what may be set for this database alone. Nobody is locked out meanwhile; the disk has more to do. Each step is told with how to undo it.",
  action: "Optimise",
};

/** What the database still lacks, with its evidence and its SQL, and the job that mends it. */
export function OptimiserSection({ database, act }: { database: DatabaseState; act: Act }) {
  const [isAsking, setIsAsking] = useState(false);
  const [chosen, setChosen] = useState<Advice | null>(null);
  const { optimiser, plan, isLooking, error } = database;
  const running = optimiser.value?.running ?? null;
  const begin = async (what: string, path: string) => {
    await act(what, "POST", path);
    await database.follow();
  };
  return (
    <section aria-labelledby="performance-optimiser">
      <h2 id="performance-optimiser">Database advice</h2>
      {error.value !== null && (
        <p class="performance-error" role="alert">
          {error.value}
        </p>
      )}
      {running && <Running run={running} database={database} act={act} />}
      <div class="section-actions">
        <button
          type="button"
          class="button"
          disabled={isLooking.value}
          onClick={() => void database.look()}
        >
          {isLooking.value ? "Looking…" : "Look for advice"}
        </button>
        <button
          type="button"
          class="button"
          disabled={running !== null}
          onClick={() => setIsAsking(true)}
        >
          Optimise now
        </button>
      </div>
      {plan.value && <Plan plan={plan.value} isBusy={running !== null} onApply={setChosen} />}
      <OptimiserHistory runs={optimiser.value?.history ?? []} />
      {isAsking && (
        <ConfirmDialog
          {...optimising}
          onConfirm={() => void begin("The job has begun.", "/database/optimize")}
          onClose={() => setIsAsking(false)}
        />
      )}
      {chosen && (
        <ConfirmDialog
          title={`${chosen.summary}?`}
          text={`${chosen.cost} It runs: ${chosen.sql}`}
          action="Apply"
          onConfirm={() =>
            void begin(
              "It is being applied.",
              `/database/advice/${encodeURIComponent(chosen.name)}`,
            )
          }
          onClose={() => setChosen(null)}
        />
      )}
    </section>
  );
}

function Running(props: { run: OptimiserRun; database: DatabaseState; act: Act }) {
  const { progress } = props.run;
  const cancel = async () => {
    await props.act("It ends as soon as it can.", "DELETE", "/database/optimize");
    await props.database.follow();
  };
  return (
    <div class="problem" role="status">
      <div>
        <strong>
          {props.run.kind === "apply" ? "Advice is being applied" : "A job is running"}
        </strong>
        <p>{progress ? `${progress.step}: ${progress.detail}` : "It begins."}</p>
        <progress
          aria-label="Progress of this step"
          {...(typeof progress?.fraction === "number" ? { value: progress.fraction } : {})}
        />
        {progress?.blockedBy.map(({ pid, user, application }) => (
          <p key={pid}>
            It waits for session {pid} of {user ?? "nobody"} ({application || "no name"}).
          </p>
        ))}
      </div>
      <button type="button" class="button" onClick={() => void cancel()}>
        Cancel
      </button>
    </div>
  );
}

function Plan(props: {
  plan: OptimiserResult;
  isBusy: boolean;
  onApply: (advice: Advice) => void;
}) {
  const { actions, advice, notes } = props.plan;
  const planned = actions.filter(({ outcome }) => outcome === "planned");
  return (
    <>
      <p class="settings-text">
        {planned.length === 0
          ? `A job would find nothing to do: all ${actions.length} things it looks after are well.`
          : `A job would do ${planned.length} of the ${actions.length} things it looks after; the others are well.`}
      </p>
      {planned.length > 0 && (
        <ul class="timeline">
          {planned.map(({ step, name, detail }) => (
            <li key={`${step} ${name}`}>
              {name}: {detail}
            </li>
          ))}
        </ul>
      )}
      <ul class="problems">
        {advice.map((piece) => (
          <li key={piece.name} class="problem">
            <AdviceText {...piece} />
            {piece.applicable && (
              <button
                type="button"
                class="button"
                aria-label={`Apply: ${piece.summary}`}
                disabled={props.isBusy}
                onClick={() => props.onApply(piece)}
              >
                Apply
              </button>
            )}
          </li>
        ))}
      </ul>
      {notes.map((note) => (
        <p key={note} class="settings-text">
          {note}
        </p>
      ))}
    </>
  );
}

const confidences = { proven: "proven by a plan", measured: "measured", guess: "a guess" } as const;

function AdviceText({ summary, evidence, cost, confidence, sql, undo }: Advice) {
  return (
    <div>
      <strong>{summary}</strong>
      <p>
        {evidence} <small>{confidences[confidence]}</small>
      </p>
      <p>{cost}</p>
      {sql !== null && (
        <div class="advice-sql">
          <code>{sql}</code>
          <CopyButton label="Copy SQL" caption="Copy" class="quiet-button" text={() => sql} />
        </div>
      )}
      {undo !== null && <small>Taken back by {undo}</small>}
    </div>
  );
}
