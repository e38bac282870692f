import type { Query } from "./admin-connection.ts";
import { type OwnTable, oidList } from "./own-tables.ts";

/** An index on one of the application's tables, as it is in the catalog. */
export type CatalogIndex = {
  oid: number;
  name: string;
  table: string;
  /** For SQL: quoted, with its schema. */
  quoted: string;
  definition: string;
  method: string;
  /** As Postgres writes them: `user_id`, `lower(email)`. */
  keys: string[];
  /** With what decides whether two are alike: operator classes, collations, order. */
  keyDetails: string[];
  included: number;
  where: string | null;
  isUnique: boolean;
  /** Whether it stands behind a primary key or another constraint. */
  isConstraint: boolean;
  isValid: boolean;
  sizeBytes: number;
  scans: number;
  /** The session that builds it now. */
  builtByPid: number | null;
};

export function readIndexes(query: Query, tables: readonly OwnTable[]): Promise<CatalogIndex[]> {
  return query<CatalogIndex>(
    `select class.oid::int8 as oid, class.relname::text as name, tables.relname::text as table,
      format('%I.%I', nspname, class.relname) as quoted,
      pg_get_indexdef(class.oid) as definition, amname::text as method,
      to_json(array(select pg_get_indexdef(class.oid, key, true)
        from generate_series(1, indnkeyatts) as key)) as keys,
      to_json(array(select concat_ws(' ', pg_get_indexdef(class.oid, key, true), indclass[key - 1],
        indcollation[key - 1], indoption[key - 1])
        from generate_series(1, indnkeyatts) as key)) as "keyDetails",
      indnatts - indnkeyatts as included, pg_get_expr(indpred, indrelid) as where,
      indisunique as "isUnique",
      indisprimary or indisexclusion or exists (
        select 1 from pg_constraint where conindid = class.oid
      ) as "isConstraint",
      indisvalid and indisready as "isValid", pg_relation_size(class.oid)::float8 as "sizeBytes",
      coalesce(idx_scan, 0)::float8 as scans, building.pid as "builtByPid"
    from pg_index
    join pg_class as class on class.oid = indexrelid
    join pg_class as tables on tables.oid = indrelid
    join pg_namespace on pg_namespace.oid = class.relnamespace
    join pg_am on pg_am.oid = class.relam
    left join pg_stat_user_indexes as stats on stats.indexrelid = class.oid
    left join pg_stat_progress_create_index as building on building.index_relid = class.oid
      and building.datname = current_database()
    where indrelid = any(${oidList(tables)})
    order by class.relname`,
  );
}

/**
 * An index that serves all queries of another one with these keys: it begins with them, in their
 * order, and has every row.
 */
export function findServing(
  indexes: readonly CatalogIndex[],
  table: string,
  alternatives: readonly { keys: readonly string[]; where: string | null }[],
): CatalogIndex | undefined {
  return indexes.find(
    (index) =>
      index.table === table &&
      index.isValid &&
      index.method === "btree" &&
      alternatives.some(
        ({ keys, where }) =>
          (index.where === null || index.where === where) &&
          keys.every((key, i) => index.keys[i] === key),
      ),
  );
}
