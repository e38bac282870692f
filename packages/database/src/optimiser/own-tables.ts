import { is } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import * as schema from "../schema.ts";
import type { Query } from "./admin-connection.ts";

/** One of the application's tables, and what the role of the connection may do with it. */
export type OwnTable = {
  oid: number;
  name: string;
  schema: string;
  /** For SQL: quoted, with its schema. */
  quoted: string;
  owner: string;
  rows: number;
  /** May make and drop indexes, and set how the table is vacuumed. */
  mayAlter: boolean;
  /** May vacuum and analyse. */
  mayMaintain: boolean;
};

export const tableConfigs = Object.values(schema)
  .filter((value) => is(value, PgTable))
  .map((table) => getTableConfig(table));

/**
 * The application's tables, where its queries find them by the search path. Nobody else's: whatever
 * else the database holds is neither looked at nor touched.
 */
export function findOwnTables(query: Query): Promise<OwnTable[]> {
  const names = tableConfigs.map(({ name }) => `'${name}'`).join(", ");
  return query<OwnTable>(
    `select class.oid::int8 as oid, relname::text as name, nspname::text as schema,
      format('%I.%I', nspname, relname) as quoted, pg_get_userbyid(relowner)::text as owner,
      greatest(reltuples, 0)::float8 as rows,
      pg_has_role(relowner, 'USAGE') and has_schema_privilege(relnamespace, 'CREATE') as "mayAlter",
      case when current_setting('server_version_num')::int >= 170000
        then has_table_privilege(class.oid, 'MAINTAIN')
        else pg_has_role(relowner, 'USAGE') or pg_has_role(datdba, 'USAGE')
      end as "mayMaintain"
    from unnest(array[${names}]) as wanted (name)
    join pg_class as class on class.oid = to_regclass(quote_ident(wanted.name))
    join pg_namespace on pg_namespace.oid = relnamespace
    join pg_database on datname = current_database()
    where relkind in ('r', 'p') order by relname`,
  );
}

/** For SQL that asks about these tables: `oid = any(…)`. */
export function oidList(tables: readonly OwnTable[]): string {
  return `'{${tables.map((table) => table.oid).join(",")}}'::oid[]`;
}
