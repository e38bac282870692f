import type { Advice } from "@peregrine/protocol";
import { megabytes } from "../build-index.ts";
import { type CatalogIndex, readIndexes } from "../index-catalog.ts";
import type { JobContext } from "../job-context.ts";
import type { OwnTable } from "../own-tables.ts";
import { requiredIndexes } from "../required-indexes.ts";

/** Those of the schema: the queries are written for them. */
const schemaIndexes = new Set(
  requiredIndexes.filter(({ servedBy }) => servedBy.length === 0).map(({ name }) => name),
);
const requiredNames = new Set(requiredIndexes.map(({ name }) => name));

/** The optimiser's own look at a new index counts as use, and so does a curious person's. */
const hardlyUsed = 5;

/** Indexes that are not worth what they cost: duplicates, unused and invalid ones. */
export async function adviseIndexes(
  context: JobContext,
  tables: readonly OwnTable[],
): Promise<{ advice: Advice[]; notes: string[] }> {
  const indexes = await readIndexes(context.watch.query, tables);
  const mayAlter = (index: CatalogIndex) =>
    tables.find(({ name }) => name === index.table)?.mayAlter ?? false;
  const duplicates = findDuplicates(indexes);
  const advice = duplicates.map(({ index, by }) =>
    dropAdvice(index, mayAlter(index), {
      kind: "duplicate_index",
      summary: `${index.name} repeats ${by.name}`,
      evidence: `Both begin with (${index.keys.join(", ")}) of ${index.table}; every query of the one can use the other. It takes ${megabytes(index.sizeBytes)}.`,
    }),
  );
  for (const index of indexes) {
    // A left-over of our own is built anew by the next run.
    if (index.isValid || index.builtByPid || requiredNames.has(index.name)) continue;
    advice.push(
      dropAdvice(index, mayAlter(index), {
        kind: "invalid_index",
        summary: `${index.name} was never finished`,
        evidence: `An interrupted build left it: no query uses it, every write keeps it up. It takes ${megabytes(index.sizeBytes)}.`,
      }),
    );
  }
  const age = await readStatisticsAge(context);
  if (age.ms < context.limits.unusedAfterMs) {
    const days = Math.ceil(context.limits.unusedAfterMs / 86_400_000);
    const note = `Unused indexes are told after ${days} days of figures; these began ${age.since}.`;
    return { advice, notes: [note] };
  }
  for (const index of indexes) {
    const isNeeded = index.isUnique || index.isConstraint || schemaIndexes.has(index.name);
    if (isNeeded || !index.isValid || index.scans > hardlyUsed) continue;
    if (index.sizeBytes < context.limits.leastBytes) continue;
    if (duplicates.some((duplicate) => duplicate.index === index)) continue;
    advice.push(
      dropAdvice(index, mayAlter(index), {
        kind: "unused_index",
        summary: `${index.name} is not used`,
        evidence: `${index.scans} times since ${age.since}; it takes ${megabytes(index.sizeBytes)}. What replicas use is not counted here.`,
      }),
    );
  }
  return { advice, notes: [] };
}

function dropAdvice(
  index: CatalogIndex,
  applicable: boolean,
  rest: Pick<Advice, "kind" | "summary" | "evidence">,
): Advice {
  return {
    name: `drop-index.${index.name}`,
    ...rest,
    cost: "Dropped without blocking. To have it again it must be built again.",
    confidence: "measured",
    sql: `DROP INDEX CONCURRENTLY ${index.quoted}`,
    undo: index.definition.replace(/^CREATE (UNIQUE )?INDEX /, "CREATE $1INDEX CONCURRENTLY "),
    applicable,
  };
}

/** Each index that another one can stand in for; of two that are alike, one. */
function findDuplicates(indexes: readonly CatalogIndex[]) {
  const found: { index: CatalogIndex; by: CatalogIndex }[] = [];
  for (const index of indexes) {
    const mayGo = !index.isUnique && !index.isConstraint && !schemaIndexes.has(index.name);
    if (!mayGo || !index.isValid || index.method !== "btree" || index.included > 0) continue;
    const by = indexes.find(
      (other) =>
        other !== index &&
        !found.some((earlier) => earlier.index === other) &&
        other.table === index.table &&
        other.isValid &&
        other.method === "btree" &&
        other.where === index.where &&
        index.keyDetails.every((key, i) => other.keyDetails[i] === key),
    );
    if (by) found.push({ index, by });
  }
  return found;
}

async function readStatisticsAge({ watch }: JobContext): Promise<{ ms: number; since: string }> {
  const [row] = await watch.query<{ ms: number; since: string }>(
    `select (extract(epoch from now() - since) * 1000)::float8 as ms,
      to_char(since at time zone 'UTC', 'YYYY-MM-DD') as since
    from (
      select coalesce(stats_reset, pg_postmaster_start_time()) as since from pg_stat_database
      where datname = current_database()
    ) as begun`,
  );
  return row ?? { ms: 0, since: "now" };
}
