import type {
  Advice,
  OptimiserAction,
  OptimiserProgress,
  OptimiserResult,
  OptimiserRun,
} from "@peregrine/protocol";
import { DatabaseError, DatabaseUnavailableError } from "../errors.ts";
import type { OptimiserRunQueries } from "../queries/optimiser-runs.ts";
import { adviseAll } from "./advice/advise.ts";
import { applyAdvice } from "./apply-advice.ts";
import { checkSettings } from "./check-settings.ts";
import { ensureIndexes } from "./ensure-indexes.ts";
import type { JobConnections } from "./job-connections.ts";
import { createContext, type Limits, pause } from "./job-context.ts";
import { maintainTables } from "./maintain-tables.ts";
import { findOwnTables } from "./own-tables.ts";
import { JobCancelledError } from "./watched.ts";

/** `routine` is what runs by itself at quiet hours: indexes and maintenance. */
export type JobWork = "all" | "routine" | Advice;

export type JobOptions = {
  run: OptimiserRun;
  work: JobWork;
  connections: JobConnections;
  runs: OptimiserRunQueries;
  limits: Limits;
  onProgress?: ((progress: OptimiserProgress) => void) | undefined;
};

const saveEveryMs = 500;
const finishTries = 30;

/** One run of the optimiser, from its row in the history to its end there. */
export class Job {
  readonly #options: JobOptions;
  readonly #abort = new AbortController();
  readonly #over = new AbortController();
  readonly #result: OptimiserResult = { actions: [], advice: [], notes: [] };
  #defect: unknown;
  #progress: OptimiserProgress = { step: "begin", detail: "", fraction: null, blockedBy: [] };

  constructor(options: JobOptions) {
    this.#options = options;
  }

  /** Ends what it is doing, clears away, and is then cancelled. */
  cancel(): void {
    this.#abort.abort();
  }

  /** Until it has ended; does not throw. @returns how it ended. */
  async run(): Promise<Pick<OptimiserRun, "status" | "result" | "error">> {
    const { connections, run, runs } = this.#options;
    const saving = this.#saveProgress();
    let status: "done" | "failed" | "cancelled" = "done";
    let error: string | null = null;
    try {
      await this.#work();
    } catch (thrown) {
      status = thrown instanceof JobCancelledError ? "cancelled" : "failed";
      // What is not ours is a defect, and its text may hold anything.
      if (status === "failed") {
        error = thrown instanceof DatabaseError ? thrown.message : "a defect of the optimiser";
        if (!(thrown instanceof DatabaseError)) this.#defect = thrown;
      }
    }
    this.#over.abort();
    await saving;
    await this.#finish(() => runs.finish(run.id, { status, result: this.#result, error }));
    await connections.close();
    return { status, result: this.#result, error };
  }

  /** What was thrown that should not be. */
  get defect(): unknown {
    return this.#defect;
  }

  async #work(): Promise<void> {
    const { work, runs } = this.#options;
    const { connections, limits } = this.#options;
    const signal = this.#abort.signal;
    const report = (progress: Partial<OptimiserProgress>) => this.#report(progress);
    const context = await createContext({ connections, limits, isDryRun: false, signal, report });
    const tables = await findOwnTables(context.watch.query);
    if (typeof work === "object") {
      this.#report({ step: "apply", detail: work.summary });
      this.#result.actions.push(await applyAdvice(context, work));
      const [done] = this.#result.actions;
      if (done && done.outcome !== "done") throw new DatabaseError("unexpected", done.detail);
      return;
    }
    this.#report({ step: "indexes" });
    await this.#collect(ensureIndexes(context, tables, await runs.droppedIndexes()));
    this.#report({ step: "maintenance" });
    await this.#collect(maintainTables(context, await findOwnTables(context.watch.query)));
    if (work === "routine") return;
    this.#report({ step: "settings" });
    await this.#collect(checkSettings(context, tables));
    this.#report({ step: "advice" });
    await context.repair();
    const { advice, notes } = await adviseAll(context, await findOwnTables(context.watch.query));
    this.#result.advice.push(...advice);
    this.#result.notes.push(...notes);
  }

  async #collect(actions: AsyncGenerator<OptimiserAction>): Promise<void> {
    for await (const action of actions) this.#result.actions.push(action);
  }

  #report(progress: Partial<OptimiserProgress>): void {
    const isNewStep = progress.step !== undefined;
    const clear = isNewStep ? { detail: "", fraction: null, blockedBy: [] } : {};
    this.#progress = { ...this.#progress, ...clear, ...progress };
    this.#options.onProgress?.(this.#progress);
  }

  /** Saves how far it is, and learns whether it is to stop: any server may have been told. */
  async #saveProgress(): Promise<void> {
    const { runs, run } = this.#options;
    while (!this.#over.signal.aborted) {
      try {
        if (await runs.progress(run.id, this.#progress)) this.cancel();
      } catch {
        // Postgres is away: the work itself will tell, and the next time may do.
      }
      await pause(saveEveryMs, this.#over.signal);
    }
  }

  /** Waits for a Postgres that is being restarted. Where it stays away, the run counts as cut off. */
  async #finish(save: () => Promise<void>): Promise<void> {
    for (let attempt = 1; attempt <= finishTries; attempt++) {
      try {
        return await save();
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError)) return;
        await Bun.sleep(1000);
      }
    }
  }
}
