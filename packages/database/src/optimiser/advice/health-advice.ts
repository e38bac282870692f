import type { Advice } from "@peregrine/protocol";
import { seconds } from "../build-index.ts";
import type { JobContext } from "../job-context.ts";
import { type OwnTable, oidList } from "../own-tables.ts";
import { shorten } from "./missing-indexes.ts";
import { readStatements } from "./statements.ts";

const slowMeanMs = 100;
const hitRatioWanted = 0.95;
/** With fewer reads a ratio says nothing. */
const leastReads = 10_000;

type Rest = Partial<Advice> & Pick<Advice, "name" | "kind" | "summary" | "evidence" | "cost">;

function advise(rest: Rest): Advice {
  return { confidence: "measured", sql: null, undo: null, applicable: false, ...rest };
}

/** What slows the database down or will stop it, beside its indexes and settings. */
export async function adviseHealth(
  context: JobContext,
  tables: readonly OwnTable[],
): Promise<Advice[]> {
  return [
    ...(await slowStatements(context)),
    ...(await autovacuumDistance(context, tables)),
    ...(await transactionIds(context)),
    ...(await longTransactions(context)),
    ...(await sequences(context, tables)),
    ...(await cacheHits(context, tables)),
  ];
}

async function slowStatements({ watch }: JobContext): Promise<Advice[]> {
  const statements = (await readStatements(watch.query, "meanMs", 5)) ?? [];
  return statements
    .filter(({ meanMs, calls }) => meanMs >= slowMeanMs && calls >= 3)
    .map(({ sql, calls, meanMs, totalMs, rowsPerCall }) =>
      advise({
        name: `look-at-statement.${Bun.hash.xxHash32(sql).toString(16)}`,
        kind: "slow_statement",
        summary: `A statement takes ${seconds(meanMs)} on average`,
        evidence: `“${shorten(sql)}” ran ${calls} times, ${seconds(totalMs)} in all, with ${Math.round(rowsPerCall)} rows each.`,
        cost: "A person has to look at it: EXPLAIN (ANALYZE, BUFFERS) shows where the time goes.",
      }),
    );
}

async function autovacuumDistance(
  { watch }: JobContext,
  tables: readonly OwnTable[],
): Promise<Advice[]> {
  const rows = await watch.query<{ name: string; dead: number; threshold: number; off: boolean }>(
    `select class.relname::text as name, n_dead_tup::float8 as dead,
      ${vacuumThreshold} as threshold,
      coalesce('autovacuum_enabled=false' = any(reloptions), false) as off
    from pg_class as class join pg_stat_user_tables on relid = class.oid
    where relid = any(${oidList(tables)})`,
  );
  return rows
    .filter(({ dead, threshold, off }) => off || dead > 2 * threshold)
    .map(({ name, dead, threshold, off }) => {
      const table = tables.find((one) => one.name === name);
      return advise({
        name: off ? `enable-autovacuum.${name}` : `vacuum.${name}`,
        kind: "autovacuum",
        summary: off ? `Autovacuum is off for ${name}` : `Autovacuum is late for ${name}`,
        evidence: `${dead} dead rows; autovacuum should begin at ${Math.round(threshold)}.`,
        cost: off
          ? "None: it works beside the application."
          : "Reads the table once, gently. If this comes again, autovacuum is starved: see its settings.",
        sql: off
          ? `ALTER TABLE ${table?.quoted} RESET (autovacuum_enabled)`
          : `VACUUM (ANALYZE, TRUNCATE false) ${table?.quoted}`,
        undo: off ? `ALTER TABLE ${table?.quoted} SET (autovacuum_enabled = false)` : null,
        applicable: (off ? table?.mayAlter : table?.mayMaintain) ?? false,
      });
    });
}

/** Dead rows at which autovacuum begins, of `pg_class as class`. */
export const vacuumThreshold = `(
    coalesce((
      select split_part(option, '=', 2)::float8 from unnest(reloptions) as option
      where option like 'autovacuum_vacuum_threshold=%'
    ), current_setting('autovacuum_vacuum_threshold')::float8)
    + greatest(reltuples, 0) * coalesce((
      select split_part(option, '=', 2)::float8 from unnest(reloptions) as option
      where option like 'autovacuum_vacuum_scale_factor=%'
    ), current_setting('autovacuum_vacuum_scale_factor')::float8)
  )::float8`;

async function transactionIds({ watch }: JobContext): Promise<Advice[]> {
  const rows = await watch.query<{ what: string; age: number; limit: number }>(
    `select 'transaction' as what, age(datfrozenxid)::float8 as age,
      current_setting('autovacuum_freeze_max_age')::float8 as limit
    from pg_database where datname = current_database()
    union all
    select 'multixact', mxid_age(datminmxid)::float8,
      current_setting('autovacuum_multixact_freeze_max_age')::float8
    from pg_database where datname = current_database()`,
  );
  return rows
    .filter(({ age, limit }) => age > limit)
    .map(({ what, age, limit }) =>
      advise({
        name: `freeze.${what}`,
        kind: "transaction_ids",
        summary: `The oldest ${what} id is ${Math.round(age / 1e6)} million old`,
        evidence: `Autovacuum freezes at ${Math.round(limit / 1e6)} million and has not caught up; at 2,000 million Postgres takes no more writes.`,
        cost: "VACUUM (FREEZE) of the oldest tables at a quiet hour, by their owner; look for long transactions first.",
        sql: "SELECT oid::regclass, age(relfrozenxid) FROM pg_class WHERE relkind IN ('r', 'm', 't') ORDER BY 2 DESC LIMIT 10",
      }),
    );
}

async function longTransactions({ watch, limits }: JobContext): Promise<Advice[]> {
  const rows = await watch.query<{
    pid: number;
    user: string;
    application: string;
    state: string;
    ms: number;
    begun: number;
    mayEnd: boolean;
  }>(
    `select pid, usename::text as user, application_name as application, state,
      (extract(epoch from clock_timestamp() - xact_start) * 1000)::float8 as ms,
      floor(extract(epoch from xact_start))::float8 as begun,
      pg_has_role(usesysid, 'USAGE') or pg_has_role('pg_signal_backend', 'USAGE') as "mayEnd"
    from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'
      and pid <> pg_backend_pid() and application_name <> 'peregrine optimiser'
      and xact_start < clock_timestamp() - make_interval(secs => $1::float8)
    order by xact_start`,
    [limits.longTransactionMs / 1000],
  );
  const open = rows.map(({ pid, user, application, state, ms, begun, mayEnd }) =>
    advise({
      // The moment is part of the name: a pid may be somebody else's by the time it is applied.
      name: `end-session.${pid}.${begun}`,
      kind: "long_transaction",
      summary: `Session ${pid} has had a transaction open for ${seconds(ms)}`,
      evidence: `${application || "a program without a name"} of ${user}, ${state}. Dead rows since then cannot be removed, and no index can be finished.`,
      cost: "Ends the session: what it has not committed is lost.",
      sql: `SELECT pg_terminate_backend(${pid})`,
      applicable: mayEnd,
    }),
  );
  const prepared = await watch.query<{ gid: string; ms: number }>(
    `select gid, (extract(epoch from clock_timestamp() - prepared) * 1000)::float8 as ms
    from pg_prepared_xacts where database = current_database()
      and prepared < clock_timestamp() - make_interval(secs => $1::float8)`,
    [limits.longTransactionMs / 1000],
  );
  const forgotten = prepared.map(({ gid, ms }) =>
    advise({
      name: `look-at-prepared-transaction.${gid}`.slice(0, 200),
      kind: "long_transaction",
      summary: `A prepared transaction has waited for ${seconds(ms)}`,
      evidence: `${gid} holds its locks and keeps dead rows, also through a restart.`,
      cost: "Whoever prepared it has to commit it or roll it back.",
      sql: `ROLLBACK PREPARED '${gid.replaceAll("'", "''")}'`,
    }),
  );
  return [...open, ...forgotten];
}

async function sequences({ watch }: JobContext, tables: readonly OwnTable[]): Promise<Advice[]> {
  const rows = await watch.query<{ name: string; table: string; used: number }>(
    `select class.relname::text as name, refobjid::regclass::text as table,
      (last_value::float8 / least(max_value, case atttypid
        when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 else max_value end
      ))::float8 as used
    from pg_depend
    join pg_class as class on class.oid = objid and relkind = 'S'
    join pg_namespace on pg_namespace.oid = relnamespace
    join pg_sequences on schemaname = nspname and sequencename = relname
    join pg_attribute on attrelid = refobjid and attnum = refobjsubid
    where refobjid = any(${oidList(tables)}) and deptype in ('a', 'i') and last_value is not null`,
  );
  return rows
    .filter(({ used }) => used > 0.5)
    .map(({ name, table, used }) =>
      advise({
        name: `widen-sequence.${name}`,
        kind: "sequence",
        summary: `${name} has used ${Math.round(used * 100)} % of its numbers`,
        evidence: `When they are used up, no row can be added to ${table}.`,
        cost: "The column has to become bigint, which writes the table anew: needs a plan.",
      }),
    );
}

async function cacheHits({ watch }: JobContext, tables: readonly OwnTable[]): Promise<Advice[]> {
  const rows = await watch.query<{ name: string; what: string; hit: number; read: number }>(
    `select relname::text as name, what, hit::float8 as hit, read::float8 as read
    from pg_statio_user_tables cross join lateral (values
      ('table', heap_blks_hit, heap_blks_read), ('indexes', idx_blks_hit, idx_blks_read)
    ) as blocks (what, hit, read)
    where relid = any(${oidList(tables)})`,
  );
  return rows
    .filter(({ hit, read }) => read > leastReads && hit / (hit + read) < hitRatioWanted)
    .map(({ name, what, hit, read }) =>
      advise({
        name: `more-memory.${name}.${what}`,
        kind: "cache_hit",
        summary: `The ${what === "table" ? "pages" : "indexes"} of ${name} are often not in memory`,
        evidence: `${Math.round((100 * hit) / (hit + read))} % of reads were answered by shared_buffers, since Postgres' figures began.`,
        cost: "More shared_buffers, and a restart; the system's own cache may hold them all the same.",
      }),
    );
}
