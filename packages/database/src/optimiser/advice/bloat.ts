import type { Advice } from "@peregrine/protocol";
import { megabytes } from "../build-index.ts";
import type { JobContext } from "../job-context.ts";
import { type OwnTable, oidList } from "../own-tables.ts";

/** A page may be half empty for good reasons; beyond that it is worth a look. */
const tableFraction = 0.4;
const indexFraction = 0.5;

type Estimate = { name: string; quoted: string; bytes: number; expectedBytes: number };

/**
 * Room that tables and B-trees take beyond what their rows need, estimated from the statistics: rows
 * times their average width. Reading all pages would tell it exactly and would cost more than it is
 * worth to know.
 */
export async function adviseBloat(
  context: JobContext,
  tables: readonly OwnTable[],
): Promise<Advice[]> {
  const { watch, limits } = context;
  const owned = tables.filter(({ mayAlter }) => mayAlter);
  const heaps = await watch.query<Estimate>(
    // A row has a header of 24 bytes and a pointer of 4, and its length is a multiple of 8.
    `select relname::text as name, class.oid::regclass::text as quoted,
      relpages * 8192.0::float8 as bytes,
      (ceil(reltuples * (28 + 8 * ceil(width / 8)) / 8168) * 8192)::float8 as "expectedBytes"
    from pg_class as class
    join pg_namespace on pg_namespace.oid = relnamespace
    cross join lateral (
      select sum(avg_width * (1 - null_frac)) as width, count(*) as analysed
      from pg_stats where schemaname = nspname and tablename = relname
    ) as statistics
    where class.oid = any(${oidList(owned)}) and reltuples > 0 and analysed > 0`,
  );
  const btrees = await watch.query<Estimate>(
    // Entries of 12 bytes and their keys, on pages that are 90 percent full; equal ones take less.
    `select class.relname::text as name, class.oid::regclass::text as quoted,
      pg_relation_size(class.oid)::float8 as bytes,
      (ceil(class.reltuples * (12 + 8 * ceil(width / 8)) / 8168 / 0.9) * 8192)::float8
        as "expectedBytes"
    from pg_index
    join pg_class as class on class.oid = indexrelid
    join pg_class as tables on tables.oid = indrelid
    join pg_namespace on pg_namespace.oid = tables.relnamespace
    join pg_am on pg_am.oid = class.relam and amname = 'btree'
    cross join lateral (
      select sum(avg_width) as width, count(*) as analysed from pg_stats
      join pg_attribute on attrelid = indrelid and pg_attribute.attname = pg_stats.attname
      where schemaname = nspname and tablename = tables.relname and attnum = any(indkey)
    ) as statistics
    where indrelid = any(${oidList(owned)}) and indisvalid and indexprs is null
      and class.reltuples > 0 and analysed = indnatts`,
  );
  const isBloated = (fraction: number) => (it: Estimate) =>
    it.bytes - it.expectedBytes > Math.max(limits.leastBytes, it.bytes * fraction);
  return [
    ...heaps.filter(isBloated(tableFraction)).map((it) => ({
      name: `rewrite-table.${it.name}`,
      kind: "bloat" as const,
      summary: `${it.name} is larger than its rows`,
      evidence: evidenceOf(it),
      cost: "New rows fill the room by and by, so that it may stay as it is. pg_repack makes the table anew without blocking; VACUUM FULL would shut the application out.",
      confidence: "guess" as const,
      sql: null,
      undo: null,
      applicable: false,
    })),
    ...btrees.filter(isBloated(indexFraction)).map((it) => ({
      name: `rebuild-index.${it.name}`,
      kind: "bloat" as const,
      summary: `${it.name} is larger than its entries`,
      evidence: evidenceOf(it),
      cost: "Built anew beside the old one, without blocking: needs the room of both for that time.",
      confidence: "guess" as const,
      sql: `REINDEX INDEX CONCURRENTLY ${it.quoted}`,
      undo: null,
      applicable: true,
    })),
  ];
}

function evidenceOf({ bytes, expectedBytes }: Estimate): string {
  return `It takes ${megabytes(bytes)}, and by the statistics would need ${megabytes(expectedBytes)}.`;
}
