import type { Query } from "../admin-connection.ts";
import { tableConfigs } from "../own-tables.ts";

/** A kind of statement that this role sent to this database, without values. */
export type StatementFigures = {
  sql: string;
  calls: number;
  meanMs: number;
  totalMs: number;
  rowsPerCall: number;
};

const ownNames = tableConfigs.map(({ name }) => name).join("|");
/** Of ours: it names one of the application's tables and none of Postgres' own. */
const isOurs = `query ~ '\\m(${ownNames})\\M' and query !~ '\\mpg_' and query ~* '^\\s*(select|with|insert|update|delete)\\M'`;

/**
 * What pg_stat_statements knows of the application's statements, the most costly first.
 * @returns null where it is not there, or is closed to the role
 */
export async function readStatements(
  query: Query,
  order: "totalMs" | "meanMs",
  limit: number,
): Promise<StatementFigures[] | null> {
  if (!(await hasStatements(query))) return null;
  return query<StatementFigures>(
    `select query as sql, sum(calls)::float8 as calls, sum(total_exec_time)::float8 as "totalMs",
      (sum(total_exec_time) / sum(calls))::float8 as "meanMs",
      (sum(rows) / sum(calls))::float8 as "rowsPerCall"
    from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
      and userid = (select oid from pg_roles where rolname = current_user)
      and calls > 0 and ${isOurs}
    group by query order by "${order}" desc limit ${limit}`,
  );
}

export async function readStatementKinds(query: Query) {
  if (!(await hasStatements(query))) return null;
  return query<{ kind: string; calls: number; totalMs: number }>(
    `select lower(substring(query from '^\\s*(\\w+)')) as kind, sum(calls)::float8 as calls,
      sum(total_exec_time)::float8 as "totalMs"
    from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
      and userid = (select oid from pg_roles where rolname = current_user) and ${isOurs}
    group by 1 order by 3 desc`,
  );
}

/** The extension is made here, Postgres has loaded its library, and it can be found. */
async function hasStatements(query: Query): Promise<boolean> {
  const [row] = await query<{ has: boolean }>(
    `select to_regclass('pg_stat_statements') is not null
      and coalesce(current_setting('pg_stat_statements.max', true), '') <> '' as has`,
  );
  return row?.has ?? false;
}
