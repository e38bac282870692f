import type { OptimiserAction } from "@peregrine/protocol";
import { DatabaseError } from "../errors.ts";
import { ConnectionLostError, isRolledBackByConflict } from "../postgres-errors.ts";
import { action, type JobContext, pause, watching } from "./job-context.ts";
import { measureQuery } from "./measure-query.ts";
import { BlockedTooLongError, JobCancelledError, runWatched } from "./watched.ts";

export type IndexToBuild = {
  name: string;
  /** For SQL: quoted, with its schema. */
  quoted: string;
  /** For SQL: quoted, with its schema. */
  table: string;
  /** CREATE INDEX CONCURRENTLY. */
  sql: string;
  /** Why it is built. */
  detail: string;
  probe: string | null;
};

/**
 * Builds an index without holding anybody up: concurrently, by name, on the job's own connection.
 * Others may hold *it* up, since it has to wait for every transaction that is older; it waits for
 * as long as the budget says and is tried again. Whatever happens, nothing half-built stays: an
 * invalid left-over is dropped, before a build and after one that failed.
 *
 * @throws JobCancelledError, after clearing away
 */
export async function buildIndex(
  context: JobContext,
  index: IndexToBuild,
): Promise<OptimiserAction> {
  const { limits, signal } = context;
  const undo = `DROP INDEX CONCURRENTLY ${index.quoted}`;
  const before = await probe(context, index);
  const failed = (outcome: OptimiserAction["outcome"], detail: string) =>
    action("indexes", index.name, outcome, detail, { sql: index.sql });

  for (let attempt = 1; ; attempt++) {
    const old = await findOldTransaction(context, index);
    if (old) return failed("blocked", `${index.detail}: ${old}, longer than a build may wait`);
    try {
      await context.repair();
      await dropInvalid(context, index);
      const { durationMs, blockedMs } = await runWatched(index.sql, watching(context, index.name));
      const sizeBytes = await validSize(context, index);
      if (sizeBytes === null) throw new DatabaseError("unexpected", `${index.name} is not valid`);
      const after = before && (await probe(context, index));
      const waited = blockedMs > 1000 ? `, ${seconds(blockedMs)} of it behind other sessions` : "";
      return action(
        "indexes",
        index.name,
        "done",
        `${index.detail}: built in ${seconds(durationMs)}${waited}, ${megabytes(sizeBytes)}`,
        {
          sql: index.sql,
          undo,
          durationMs,
          sizeBytes,
          query: before && after && index.probe ? { sql: index.probe, before, after } : null,
        },
      );
    } catch (error) {
      const left = await clearAway(context, index);
      if (error instanceof JobCancelledError) throw error;
      const isWorthAnother =
        error instanceof BlockedTooLongError ||
        error instanceof ConnectionLostError ||
        (error instanceof DatabaseError && isRolledBackByConflict(error));
      if (isWorthAnother && attempt < limits.attempts && !signal.aborted) {
        context.report({ detail: `${index.name}: attempt ${attempt} ${(error as Error).message}` });
        await pause(limits.retryMs * attempt, signal);
        if (signal.aborted) throw new JobCancelledError();
        continue;
      }
      if (error instanceof BlockedTooLongError) {
        return failed("blocked", `${index.detail}: ${error.message}, ${attempt} times${left}`);
      }
      if (!(error instanceof DatabaseError)) throw error;
      return error.code === "not_permitted"
        ? failed("not_permitted", `the role ${context.role} may not build it${left}`)
        : failed("failed", `${index.detail}: ${error.message}${left}`);
    }
  }
}

/**
 * A transaction that has been open for longer than a build may wait for it, in words: one that
 * still sees old rows, of whatever table, or that writes to this one.
 */
async function findOldTransaction(
  { watch, limits }: JobContext,
  index: IndexToBuild,
): Promise<string | null> {
  const [old] = await watch.query<{ pid: number; user: string; ms: number }>(
    `select pid, usename::text as user,
      (extract(epoch from clock_timestamp() - xact_start) * 1000)::float8 as ms
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and backend_type = 'client backend'
      and clock_timestamp() - xact_start > make_interval(secs => $1::float8)
      and (backend_xmin is not null or pid in (
        select pid from pg_locks
        where locktype = 'relation' and granted and relation = to_regclass($2::text)
          and database = (select oid from pg_database where datname = current_database())
          and mode not in ('AccessShareLock', 'RowShareLock', 'ShareLock')
      ))
    order by xact_start limit 1`,
    [limits.blockedMs / 1000, index.table],
  );
  if (!old) return null;
  return `session ${old.pid} of ${old.user} has had a transaction open for ${seconds(old.ms)}`;
}

/** An index of this name that a build left behind. One that is being built stays. */
async function isLeftOver({ watch }: JobContext, index: IndexToBuild): Promise<boolean> {
  const [row] = await watch.query<{ found: boolean }>(
    `select true as found from pg_index
    where indexrelid = to_regclass($1::text) and not (indisvalid and indisready)
      and not exists (select 1 from pg_stat_progress_create_index where index_relid = indexrelid)`,
    [index.quoted],
  );
  return row !== undefined;
}

async function dropInvalid(context: JobContext, index: IndexToBuild): Promise<void> {
  if (!(await isLeftOver(context, index))) return;
  await runWatched(`DROP INDEX CONCURRENTLY ${index.quoted}`, {
    ...watching(context, `${index.name}: dropping an invalid left-over`),
    blockedMs: context.limits.cleanUpBlockedMs,
  });
}

/** Also for a cancelled job. @returns what to say if it did not go. */
async function clearAway(context: JobContext, index: IndexToBuild): Promise<string> {
  // A build whose connection was cut may be alive for a moment longer.
  const free = { ...context, signal: new AbortController().signal, report() {} };
  try {
    await context.repair();
    await dropInvalid({ ...free, work: context.work, watch: context.watch }, index);
    return "";
  } catch {
    return "; what was begun of it could not be dropped yet, the next run will";
  }
}

async function validSize({ watch }: JobContext, index: IndexToBuild): Promise<number | null> {
  const [row] = await watch.query<{ size: number }>(
    `select pg_relation_size(indexrelid)::float8 as size from pg_index
    where indexrelid = to_regclass($1::text) and indisvalid and indisready`,
    [index.quoted],
  );
  return row?.size ?? null;
}

async function probe(context: JobContext, index: IndexToBuild) {
  if (!index.probe) return null;
  context.report({ detail: `${index.name}: measuring its query`, fraction: null, blockedBy: [] });
  return measureQuery(context.watch, index.probe, context.limits.probeMs).catch(() => null);
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function megabytes(bytes: number): string {
  const mega = bytes / 1024 / 1024;
  return mega < 1 ? `${Math.round(bytes / 1024)} kB` : `${mega.toFixed(mega < 10 ? 1 : 0)} MB`;
}
