import type {
  DatabasePerformanceBody,
  OptimiserProgress,
  OptimiserResult,
  OptimiserRun,
} from "@peregrine/protocol";
import { newId } from "../ids.ts";
import { Pool } from "../pool.ts";
import { optimiserRunQueries } from "../queries/optimiser-runs.ts";
import { only, read } from "../statement.ts";
import { AdminConnection } from "./admin-connection.ts";
import { adviseAll } from "./advice/advise.ts";
import { checkSettings } from "./check-settings.ts";
import { ensureIndexes } from "./ensure-indexes.ts";
import { Job, type JobWork } from "./job.ts";
import { JobConnections } from "./job-connections.ts";
import { createContext, defaultLimits, type JobContext, type Limits } from "./job-context.ts";
import { maintainTables } from "./maintain-tables.ts";
import { readOverview } from "./overview.ts";
import { findOwnTables } from "./own-tables.ts";

export type OptimiserOptions = {
  /** Has to lead to Postgres itself, not to a pooler: a job keeps its sessions. */
  url: string;
  limits?: Partial<Limits>;
  on?: {
    progress?: (progress: OptimiserProgress) => void;
    /** A job of this process has ended. */
    ended?: (run: Pick<OptimiserRun, "status" | "error">, defect: unknown) => void;
  };
};

export type Optimiser = ReturnType<typeof openOptimiser>;

const historyShown = 20;

/**
 * Looks after the database in jobs, of which one runs at a time on all servers. A job never blocks
 * the application, tells how far it is, can be cancelled from any server, and leaves what it did in
 * the history. Looks at the application's own tables and no others.
 *
 * Has two connections for what is asked of it, and opens two more for a job.
 */
export function openOptimiser(options: OptimiserOptions) {
  const limits = { ...defaultLimits, ...options.limits };
  const pool = new Pool({
    url: options.url,
    poolSize: 2,
    maxOverflow: 0,
    poolTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
  const runs = optimiserRunQueries(pool.run.bind(pool));
  let running: { job: Job; ended: Promise<unknown> } | undefined;
  let isClosed = false;

  async function begin(
    connections: JobConnections,
    trigger: OptimiserRun["trigger"],
    work: JobWork,
  ): Promise<OptimiserRun> {
    const advice = typeof work === "object" ? work.name : null;
    const kind = advice === null ? "optimise" : "apply";
    const run = await runs.begin({ id: newId(), kind, trigger, advice });
    const job = new Job({ run, work, connections, runs, limits, onProgress: options.on?.progress });
    const ended = job.run().then((end) => {
      running = undefined;
      options.on?.ended?.(end, job.defect);
      return end;
    });
    running = { job, ended };
    return run;
  }

  /** Under the lock, so that of two who come at once one works and one is told so. */
  async function locked<T>(
    work: (connections: JobConnections) => Promise<{ isBegun: boolean; result: T }>,
  ): Promise<T | "already_running"> {
    const connections = isClosed ? null : await JobConnections.open(options.url);
    if (!connections) return "already_running";
    let isBegun = false;
    try {
      const done = await work(connections);
      isBegun = done.isBegun;
      return done.result;
    } finally {
      if (!isBegun) await connections.close();
    }
  }

  async function look<T>(work: (context: JobContext) => Promise<T>): Promise<T> {
    const connection = await AdminConnection.open(options.url);
    try {
      return await work(await lookingContext(connection, limits));
    } finally {
      await connection.close();
    }
  }

  return {
    /** Begins a job and returns at once. @throws DatabaseError unavailable */
    start(trigger: OptimiserRun["trigger"]): Promise<OptimiserRun | "already_running"> {
      return locked(async (connections) => ({
        isBegun: true,
        result: await begin(connections, trigger, "all"),
      }));
    },

    /**
     * Begins what runs by itself, unless a server has done so within `everyMs`.
     * @returns null where there is nothing to do
     */
    startRoutine(everyMs: number): Promise<OptimiserRun | "already_running" | null> {
      return locked<OptimiserRun | null>(async (connections) => {
        const last = await runs.lastScheduled();
        if (last && Date.now() - last.getTime() < everyMs) return { isBegun: false, result: null };
        return { isBegun: true, result: await begin(connections, "schedule", "routine") };
      });
    },

    /** Whether other sessions are at work now: how many statements run beside this one. */
    async busySessions(): Promise<number> {
      return only(await pool.run(countBusy, {})).busy;
    },

    /** What a job would do and advise, changing nothing. @throws DatabaseError */
    plan(): Promise<OptimiserResult> {
      return look((context) => planAll(context, runs.droppedIndexes()));
    },

    /** Follows advice that holds now, as a job of its own. @throws DatabaseError */
    apply(
      name: string,
    ): Promise<OptimiserRun | "already_running" | "unknown" | "applied" | "not_applicable"> {
      return locked<OptimiserRun | "unknown" | "applied" | "not_applicable">(
        async (connections) => {
          const context = await lookingContext(connections.watch, limits);
          const tables = await findOwnTables(context.watch.query);
          const advice = (await adviseAll(context, tables)).advice.find((one) => one.name === name);
          if (!advice) {
            return {
              isBegun: false,
              result: (await runs.wasApplied(name)) ? "applied" : "unknown",
            };
          }
          if (!advice.applicable) return { isBegun: false, result: "not_applicable" };
          return { isBegun: true, result: await begin(connections, "administrator", advice) };
        },
      );
    },

    /** Tells the running job, whichever server it is on. @returns whether there is one. */
    async cancel(): Promise<boolean> {
      const isRunning = await runs.requestCancel();
      if (isRunning) running?.job.cancel();
      return isRunning;
    },

    /** The job that runs, and those that ended, newest first. */
    async state(): Promise<{ running: OptimiserRun | null; history: OptimiserRun[] }> {
      const all = await runs.list(historyShown + 1);
      const isRunning = (run: OptimiserRun) => run.status === "running";
      return {
        running: all.find(isRunning) ?? null,
        history: all.filter((run) => !isRunning(run)).slice(0, historyShown),
      };
    },

    /** How the database does now. */
    overview(): Promise<Omit<DatabasePerformanceBody, "pool" | "queries">> {
      return look((context) => readOverview(context.watch));
    },

    /** Until the job of this process, if there is one, has ended. */
    async ended(): Promise<void> {
      await running?.ended;
    },

    /** Cancels the job of this process, waits until it has cleared away, and closes. */
    async close(): Promise<void> {
      isClosed = true;
      running?.job.cancel();
      await running?.ended;
      await pool.close();
    },
  };
}

const countBusy = read<Record<never, never>, { busy: number }>(
  "optimiser.countBusy",
  `select count(*)::int as busy from pg_stat_activity
  where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid()
    and application_name <> 'peregrine optimiser'`,
);

/** For what only looks: one connection, which does nothing that would have to be watched. */
function lookingContext(connection: AdminConnection, limits: Limits): Promise<JobContext> {
  return createContext({
    connections: { work: connection, watch: connection, repair: async () => {} },
    limits,
    isDryRun: true,
    signal: new AbortController().signal,
    report() {},
  });
}

async function planAll(
  context: JobContext,
  dropped: Promise<Set<string>>,
): Promise<OptimiserResult> {
  const tables = await findOwnTables(context.watch.query);
  const { advice, notes } = await adviseAll(context, tables);
  return {
    actions: [
      ...(await Array.fromAsync(ensureIndexes(context, tables, await dropped))),
      ...(await Array.fromAsync(maintainTables(context, tables))),
      ...(await Array.fromAsync(checkSettings(context, tables))),
    ],
    advice,
    notes,
  };
}
