import type { OptimiserAction } from "@peregrine/protocol";
import { buildIndex } from "./build-index.ts";
import { type CatalogIndex, findServing, readIndexes } from "./index-catalog.ts";
import { action, type JobContext } from "./job-context.ts";
import type { OwnTable } from "./own-tables.ts";
import { createIndexSql, type RequiredIndex, requiredIndexes } from "./required-indexes.ts";
import { JobCancelledError } from "./watched.ts";

/**
 * Makes sure of every index that the application's queries need. Leaves out what a wider one serves
 * already and what an administrator has dropped, and says so.
 *
 * @param dropped names of indexes that were dropped on advice
 */
export async function* ensureIndexes(
  context: JobContext,
  tables: readonly OwnTable[],
  dropped: ReadonlySet<string>,
): AsyncGenerator<OptimiserAction> {
  for (const [i, index] of requiredIndexes.entries()) {
    if (context.signal.aborted) throw new JobCancelledError();
    const table = tables.find(({ name }) => name === index.table);
    if (!table) continue;
    context.report({ detail: index.name, fraction: i / requiredIndexes.length, blockedBy: [] });
    yield await ensureIndex(context, index, table, tables, dropped);
  }
}

async function ensureIndex(
  context: JobContext,
  index: RequiredIndex,
  table: OwnTable,
  tables: readonly OwnTable[],
  dropped: ReadonlySet<string>,
): Promise<OptimiserAction> {
  const say = (outcome: OptimiserAction["outcome"], detail: string, sql: string | null = null) =>
    action("indexes", index.name, outcome, detail, { sql });
  const indexes = await readIndexes(context.watch.query, tables);
  const present = indexes.find(({ name }) => name === index.name);
  if (present && present.table !== index.table) {
    return say(
      "failed",
      `the name is taken by an index on ${present.table}: ${present.definition}`,
    );
  }
  if (present?.isValid) return say("unneeded", `${index.purpose}: there, as ${present.definition}`);
  if (present?.builtByPid) {
    return say("blocked", `session ${present.builtByPid} is building it`);
  }
  if (!present) {
    if (dropped.has(index.name)) return say("unneeded", "an administrator dropped it on advice");
    const serving = findServing(indexes, index.table, index.servedBy);
    if (serving) return say("unneeded", servedDetail(index, serving));
    if (await isNameTaken(context, table, index.name)) {
      return say(
        "failed",
        `something else has the name ${index.name} in the schema ${table.schema}`,
      );
    }
  }
  const detail = present ? `${index.purpose}: an invalid left-over is built anew` : index.purpose;
  const sql = createIndexSql(index, table.quoted);
  if (!table.mayAlter) {
    return say(
      "not_permitted",
      `${detail}: the role ${context.role} may not, ${table.owner} may`,
      sql,
    );
  }
  if (context.isDryRun) return say("planned", detail, sql);
  const quoted = `${quoteName(table.schema)}.${quoteName(index.name)}`;
  return buildIndex(context, {
    name: index.name,
    quoted,
    table: table.quoted,
    sql,
    detail,
    probe: index.probe,
  });
}

function servedDetail(index: RequiredIndex, serving: CatalogIndex): string {
  return `${index.purpose}: served by the wider ${serving.name} (${serving.keys.join(", ")})`;
}

/** By a table, a view or an index of somebody else's. */
async function isNameTaken({ watch }: JobContext, table: OwnTable, name: string) {
  const [row] = await watch.query<{ taken: boolean }>(
    "select to_regclass(format('%I.%I', $1::text, $2::text)) is not null as taken",
    [table.schema, name],
  );
  return row?.taken ?? false;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
