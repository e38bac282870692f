import type {
  DatabasePerformanceBody,
  OptimiserPlanBody,
  OptimiserResult,
  OptimiserStateBody,
} from "@peregrine/protocol";
import { type Signal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { describeError } from "../api/api-error.ts";

const refreshMs = 15_000;
/** While a job runs, whose progress one watches. */
const runningRefreshMs = 1_000;
const base = "/performance/database";

/**
 * The database as the page shows it: its figures and the optimiser's job. The advice is looked for
 * only when asked, since that takes Postgres a moment, and again after each job.
 */
export class DatabaseState {
  readonly overview: Signal<DatabasePerformanceBody | null> = signal(null);
  readonly optimiser: Signal<OptimiserStateBody | null> = signal(null);
  readonly plan: Signal<OptimiserResult | null> = signal(null);
  readonly isLooking = signal(false);
  readonly error: Signal<string | null> = signal(null);
  readonly #api: Api;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isDisposed = false;

  constructor(api: Api) {
    this.#api = api;
    void this.#keepFresh();
  }

  dispose(): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  /** Never fails: what could not be had is told in `error`, and what was had before stays. */
  async refresh(): Promise<void> {
    const wasRunning = this.isRunning;
    try {
      const [overview, optimiser] = await Promise.all([
        this.#api.get<DatabasePerformanceBody>(base),
        this.#api.get<OptimiserStateBody>(`${base}/optimize`),
      ]);
      this.overview.value = overview;
      this.optimiser.value = optimiser;
      this.error.value = null;
    } catch (error) {
      this.error.value = describeError(error);
      return;
    }
    if (wasRunning && !this.isRunning && this.plan.peek()) await this.look();
  }

  /** Looks for what a job would do now, and for advice. Never fails; see `refresh`. */
  async look(): Promise<void> {
    if (this.isLooking.peek()) return;
    this.isLooking.value = true;
    try {
      this.plan.value = (
        await this.#api.get<OptimiserPlanBody>(`${base}/optimize?dry_run=true`)
      ).plan;
      this.error.value = null;
    } catch (error) {
      this.error.value = describeError(error);
    } finally {
      this.isLooking.value = false;
    }
  }

  /** Something was begun or ended: what follows is shown as it happens. */
  async follow(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#keepFresh();
  }

  get isRunning(): boolean {
    return Boolean(this.optimiser.peek()?.running);
  }

  async #keepFresh(): Promise<void> {
    if (!document.hidden) await this.refresh();
    if (this.#isDisposed) return;
    clearTimeout(this.#timer);
    const waitMs = this.isRunning ? runningRefreshMs : refreshMs;
    this.#timer = setTimeout(() => void this.#keepFresh(), waitMs);
  }
}
