import type { OptimiserProgress, OptimiserResult, OptimiserRun } from "@peregrine/protocol";
import { iso, isoOrNull } from "../moments.ts";
import { only, type Run, read, write } from "../statement.ts";

/** Held by the session of the job that runs; when the server or Postgres dies, it is free. */
export const optimiserLock = 7_340_921_656;

type NewRun = Pick<OptimiserRun, "id" | "kind" | "trigger" | "advice">;

/** What the optimiser did, is doing and was told, for all servers. */
export function optimiserRunQueries(run: Run) {
  return {
    /** By the one who holds the lock: whatever still counts as running was cut off. */
    async begin(job: NewRun): Promise<OptimiserRun> {
      return toRun(only(await run(beginRun, job)));
    },

    /** @returns whether somebody wants it cancelled. */
    async progress(id: string, progress: OptimiserProgress): Promise<boolean> {
      const [row] = await run(saveProgress, { id, progress: JSON.stringify(progress) });
      return row?.cancel_requested ?? false;
    },

    async finish(
      id: string,
      end: {
        status: "done" | "failed" | "cancelled";
        result: OptimiserResult;
        error: string | null;
      },
    ): Promise<void> {
      const { status, result, error } = end;
      await run(finishRun, { id, status, result: JSON.stringify(result), error });
    },

    /** Newest first. One that lost its server counts as interrupted. */
    async list(limit: number): Promise<OptimiserRun[]> {
      return (await run(listRuns, { limit })).map(toRun);
    },

    /** @returns whether one is running. */
    async requestCancel(): Promise<boolean> {
      return (await run(requestCancel, {})).length > 0;
    },

    /** Whether advice of this name was followed. */
    async wasApplied(advice: string): Promise<boolean> {
      return only(await run(wasApplied, { advice })).applied;
    },

    /** Names of the indexes that were dropped on advice. */
    async droppedIndexes(): Promise<Set<string>> {
      return new Set((await run(droppedIndexes, {})).map(({ name }) => name));
    },

    /** When the last whole run ended that a schedule began; null for never. */
    async lastScheduled(): Promise<Date | null> {
      return only(await run(lastScheduled, {})).at;
    },
  };
}

export type OptimiserRunQueries = ReturnType<typeof optimiserRunQueries>;

type RunRow = Pick<OptimiserRun, "id" | "kind" | "trigger" | "advice" | "status" | "error"> & {
  progress: OptimiserProgress | null;
  result: OptimiserResult | null;
  started_at: Date;
  finished_at: Date | null;
};

function toRun(row: RunRow): OptimiserRun {
  const { started_at, finished_at, ...rest } = row;
  return { ...rest, startedAt: iso(started_at), finishedAt: isoOrNull(finished_at) };
}

const kept = 100;
const columns = `id, kind, trigger, advice, progress, result, error, started_at, finished_at`;

const beginRun = write<NewRun, RunRow>(
  "optimiserRuns.begin",
  `with cut as (
    update optimiser_runs set status = 'interrupted', finished_at = now() where status = 'running'
  ),
  old as (
    delete from optimiser_runs
    where id in (select id from optimiser_runs order by id desc offset ${kept})
  )
  insert into optimiser_runs (id, kind, trigger, advice, status)
  values (:id, :kind, :trigger, :advice, 'running') returning ${columns}, status`,
);

const saveProgress = write<{ id: string; progress: string }, { cancel_requested: boolean }>(
  "optimiserRuns.progress",
  `update optimiser_runs set progress = :progress::text::jsonb where id = :id and status = 'running'
  returning cancel_requested`,
);

const finishRun = write<
  { id: string; status: string; result: string; error: string | null },
  never
>(
  "optimiserRuns.finish",
  `update optimiser_runs set status = :status, result = :result::text::jsonb, error = :error,
    finished_at = now()
  where id = :id and status = 'running'`,
);

/** A bigint key is split over two columns of pg_locks. */
const isLockHeld = `exists (
    select 1 from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
      and classid::int8 = ${optimiserLock}::int8 >> 32
      and objid::int8 = ${optimiserLock}::int8 & 4294967295
  )`;

const listRuns = read<{ limit: number }, RunRow>(
  "optimiserRuns.list",
  `select ${columns},
    case when status = 'running' and not ${isLockHeld} then 'interrupted' else status end as status
  from optimiser_runs order by id desc limit :limit`,
);

const requestCancel = write<Record<never, never>, { id: string }>(
  "optimiserRuns.requestCancel",
  `update optimiser_runs set cancel_requested = true where status = 'running' and ${isLockHeld}
  returning id`,
);

const wasApplied = read<{ advice: string }, { applied: boolean }>(
  "optimiserRuns.wasApplied",
  `select exists (
    select 1 from optimiser_runs where kind = 'apply' and advice = :advice and status = 'done'
  ) as applied`,
);

const droppedIndexes = read<Record<never, never>, { name: string }>(
  "optimiserRuns.droppedIndexes",
  `select distinct substr(advice, length('drop-index.') + 1) as name from optimiser_runs
  where kind = 'apply' and status = 'done' and advice like 'drop-index.%'`,
);

const lastScheduled = read<Record<never, never>, { at: Date | null }>(
  "optimiserRuns.lastScheduled",
  `select max(finished_at) as at from optimiser_runs where trigger = 'schedule' and status = 'done'`,
);
