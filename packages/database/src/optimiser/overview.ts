import type { DatabasePerformanceBody } from "@peregrine/protocol";
import type { AdminConnection, Query } from "./admin-connection.ts";
import { vacuumThreshold } from "./advice/health-advice.ts";
import { readStatementKinds, readStatements } from "./advice/statements.ts";
import { findOwnTables, oidList } from "./own-tables.ts";

type Overview = Omit<DatabasePerformanceBody, "pool" | "queries">;

const timeoutMs = 5_000;
const statementsShown = 10;

/** How the database does now, as Postgres tells it: of all servers and of our own tables. */
export function readOverview(connection: AdminConnection): Promise<Overview> {
  return connection.look(
    async (query) => ({
      ...(await readGeneral(query)),
      tables: await readTables(query),
      slowStatements: await readStatements(query, "meanMs", statementsShown),
      statementKinds: await readStatementKinds(query),
      replication: await readReplication(query),
    }),
    { timeoutMs },
  );
}

type General = Pick<
  Overview,
  "version" | "sizeBytes" | "connections" | "hitRatio" | "transactionIds"
>;

async function readGeneral(query: Query): Promise<General> {
  const [row] = await query<General>(
    `select current_setting('server_version') as version,
      pg_database_size(current_database())::float8 as "sizeBytes",
      (
        select json_build_object('used', count(*), 'active', count(*) filter (where state = 'active'),
          'idleInTransaction', count(*) filter (where state like 'idle in transaction%'),
          'waitingForLock', count(*) filter (where wait_event_type = 'Lock'),
          'max', current_setting('max_connections')::int)
        from pg_stat_activity where backend_type = 'client backend'
      ) as connections,
      (
        select json_build_object(
          'tables', sum(heap_blks_hit) / nullif(sum(heap_blks_hit + heap_blks_read), 0),
          'indexes', sum(idx_blks_hit) / nullif(sum(idx_blks_hit + idx_blks_read), 0))
        from pg_statio_user_tables
      ) as "hitRatio",
      json_build_object('age', age(datfrozenxid),
        'freezeAt', current_setting('autovacuum_freeze_max_age')::int8) as "transactionIds"
    from pg_database where datname = current_database()`,
  );
  if (!row) throw new Error("the database does not know itself");
  return row;
}

async function readTables(query: Query): Promise<Overview["tables"]> {
  const tables = await findOwnTables(query);
  return query(
    `select class.relname::text as name,
      pg_total_relation_size(class.oid)::float8 as "sizeBytes",
      pg_indexes_size(class.oid)::float8 as "indexBytes",
      n_live_tup::float8 as "rowsAlive", n_dead_tup::float8 as "rowsDead",
      (heap_blks_hit::float8 / nullif(heap_blks_hit + heap_blks_read, 0)) as "hitRatio",
      ${isoMoment("greatest(last_vacuum, last_autovacuum)")} as "lastVacuumAt",
      ${isoMoment("greatest(last_analyze, last_autoanalyze)")} as "lastAnalyzeAt",
      n_dead_tup / ${vacuumThreshold} as "vacuumDistance"
    from pg_class as class
    join pg_stat_user_tables as stats on stats.relid = class.oid
    join pg_statio_user_tables as io on io.relid = class.oid
    where class.oid = any(${oidList(tables)})
    order by pg_total_relation_size(class.oid) desc`,
  );
}

/** As the API has moments. */
function isoMoment(moment: string): string {
  return `to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

async function readReplication(query: Query): Promise<Overview["replication"]> {
  const [self] = await query<{ isReplica: boolean; lagMs: number | null }>(
    // A replica that has everything is not behind, however long ago the last change was.
    `select pg_is_in_recovery() as "isReplica",
      case when pg_is_in_recovery() and pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
        else (extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000)::float8
      end as "lagMs"`,
  );
  const replicas = await query<Overview["replication"]["replicas"][number]>(
    `select application_name as name, state,
      (extract(epoch from replay_lag) * 1000)::float8 as "lagMs",
      pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
        else pg_current_wal_lsn() end, replay_lsn)::float8 as "lagBytes"
    from pg_stat_replication where state is not null order by 1`,
  );
  return { isReplica: false, lagMs: null, ...self, replicas };
}
