import type { OptimiserAction } from "@peregrine/protocol";
import { DatabaseError } from "../errors.ts";
import type { Query } from "./admin-connection.ts";
import { seconds } from "./build-index.ts";
import { action, type JobContext, watching } from "./job-context.ts";
import { type OwnTable, oidList } from "./own-tables.ts";
import { BlockedTooLongError, JobCancelledError, runWatched } from "./watched.ts";

type Activity = {
  oid: number;
  /** By the statistics' own count, where it has one. */
  alive: number;
  dead: number;
  changed: number;
  inserted: number;
  /** Or has a single page, of which nothing need be known. */
  isAnalysed: boolean;
  xidAge: number;
  freezeAge: number;
  /** Expressions in indexes that ANALYZE has not seen yet: without, the planner guesses. */
  blindExpressions: number;
};

type Need = { verb: "VACUUM" | "ANALYZE"; reason: string };

/** Below these a table is read whole in no time, whatever is in it. */
const leastDead = 1_000;
const leastChanged = 500;

/**
 * Gives the planner fresh statistics and the tables back the room of their dead rows, where they
 * call for it. Never VACUUM FULL, and no giving back of pages at the end: those take the table away
 * from the application. What another session holds is left for the next time.
 */
export async function* maintainTables(
  context: JobContext,
  tables: readonly OwnTable[],
): AsyncGenerator<OptimiserAction> {
  const activities = await readActivity(context.watch.query, tables);
  for (const [i, table] of tables.entries()) {
    if (context.signal.aborted) throw new JobCancelledError();
    context.report({ detail: table.name, fraction: i / tables.length, blockedBy: [] });
    const activity = activities.find(({ oid }) => oid === table.oid);
    if (activity) yield await maintainTable(context, table, findNeed(activity));
  }
}

function findNeed(activity: Activity): Need | null {
  const { alive, dead, changed, inserted, xidAge, freezeAge } = activity;
  if (dead > leastDead && dead > alive * 0.05) {
    return { verb: "VACUUM", reason: `${dead} dead rows beside ${alive}` };
  }
  if (inserted > 10 * leastDead && inserted > alive * 0.2) {
    return {
      verb: "VACUUM",
      reason: `${inserted} rows came since the last one, and index-only reads look into the table for each`,
    };
  }
  if (xidAge > freezeAge / 2) {
    return { verb: "VACUUM", reason: `its oldest transaction id is ${xidAge} old` };
  }
  if (!activity.isAnalysed) return { verb: "ANALYZE", reason: "never analysed" };
  if (changed > leastChanged && changed > alive * 0.1) {
    return { verb: "ANALYZE", reason: `${changed} rows changed since the last one` };
  }
  if (activity.blindExpressions > 0) {
    return { verb: "ANALYZE", reason: "an index on an expression has no statistics yet" };
  }
  return null;
}

async function maintainTable(
  context: JobContext,
  table: OwnTable,
  need: Need | null,
): Promise<OptimiserAction> {
  if (!need) return action("maintenance", table.name, "unneeded", "its statistics are fresh");
  const sql =
    need.verb === "VACUUM"
      ? `VACUUM (ANALYZE, TRUNCATE false) ${table.quoted}`
      : `ANALYZE ${table.quoted}`;
  const say = (outcome: OptimiserAction["outcome"], detail: string, durationMs?: number) =>
    action("maintenance", table.name, outcome, detail, { sql, durationMs: durationMs ?? null });
  if (!table.mayMaintain) {
    return say(
      "not_permitted",
      `${need.reason}: the role ${context.role} may not, ${table.owner} may`,
    );
  }
  if (context.isDryRun) return say("planned", need.reason);
  try {
    await context.repair();
    // As gentle on the disk as autovacuum is.
    await context.work.query("set vacuum_cost_delay = '2ms'");
    const { durationMs } = await runWatched(sql, {
      ...watching(context, `${need.verb} ${table.name}`),
      blockedMs: context.limits.cleanUpBlockedMs,
    });
    return say("done", `${need.reason}: took ${seconds(durationMs)}`, durationMs);
  } catch (error) {
    if (error instanceof BlockedTooLongError) return say("blocked", error.message);
    if (error instanceof DatabaseError) return say("failed", error.message);
    throw error;
  }
}

function readActivity(query: Query, tables: readonly OwnTable[]): Promise<Activity[]> {
  return query<Activity>(
    `select class.oid::int8 as oid,
      greatest(n_live_tup, reltuples, 0)::float8 as alive, n_dead_tup::float8 as dead,
      n_mod_since_analyze::float8 as changed, n_ins_since_vacuum::float8 as inserted,
      pg_relation_size(class.oid) <= 8192 or exists (
        select 1 from pg_stats join pg_namespace on nspname = schemaname
        where tablename = class.relname and pg_namespace.oid = relnamespace
      ) as "isAnalysed",
      age(relfrozenxid)::float8 as "xidAge",
      current_setting('autovacuum_freeze_max_age')::float8 as "freezeAge",
      (
        select count(*) from pg_index
        where indrelid = class.oid and indexprs is not null and indisvalid
          and pg_relation_size(class.oid) > 8192
          -- pg_statistic itself is closed to most roles; pg_stats shows an owner its own.
          and not exists (
            select 1 from pg_stats
            join pg_class as named on named.relname = tablename and named.oid = indexrelid
            join pg_namespace on pg_namespace.oid = named.relnamespace and nspname = schemaname
          )
      )::int as "blindExpressions"
    from pg_class as class join pg_stat_user_tables as activity on relid = class.oid
    where class.oid = any(${oidList(tables)})`,
  );
}
