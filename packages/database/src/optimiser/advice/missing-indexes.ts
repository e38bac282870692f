import type { Advice } from "@peregrine/protocol";
import { DatabaseError } from "../../errors.ts";
import { megabytes } from "../build-index.ts";
import { findServing, readIndexes } from "../index-catalog.ts";
import type { JobContext } from "../job-context.ts";
import { type OwnTable, oidList } from "../own-tables.ts";
import { type Candidate, findCandidates } from "./candidate-indexes.ts";
import { chooseProver, explainGeneric, type Prover } from "./prove-index.ts";
import { readStatements, type StatementFigures } from "./statements.ts";

const statementsAtMost = 40;
const candidatesAtMost = 10;
/** A statement that is this fast needs no index, however often it runs. */
const slowMs = 1;
/** A table this small is read whole faster than by an index. */
const leastRows = 1_000;
/** An index that saves less than a third of a statement's cost is not worth what writes pay. */
const worthwhile = 2 / 3;

/** Indexes that statements of pg_stat_statements lack, each proven on the planner where it can be. */
export async function adviseMissingIndexes(
  context: JobContext,
  tables: readonly OwnTable[],
): Promise<{ advice: Advice[]; notes: string[] }> {
  const { watch } = context;
  const statements = await readStatements(watch.query, "totalMs", statementsAtMost);
  if (!statements) return { advice: [], notes: [] };
  const large = tables.filter(({ rows }) => rows >= leastRows);
  const columns = await readColumns(context, large);
  const indexes = await readIndexes(watch.query, tables);
  const prover = await chooseProver(watch);
  const advice = new Map<string, Advice>();
  for (const statement of statements.filter(({ meanMs }) => meanMs >= slowMs)) {
    const plan = await watch
      .look((query) => explainGeneric(query, statement.sql), { timeoutMs: 5_000 })
      .catch(skipUnplannable);
    for (const candidate of plan ? findCandidates(plan, columns) : []) {
      if (advice.size >= candidatesAtMost) break;
      const table = large.find(({ name }) => name === candidate.table);
      const name = nameOf(candidate);
      const isThere = findServing(indexes, candidate.table, [
        { keys: candidate.keys, where: null },
      ]);
      if (!table || advice.has(name) || isThere) continue;
      const piece = await judge(statement, table, candidate, prover);
      if (piece) advice.set(name, { ...piece, ...(await sizeCost(context, table, candidate)) });
    }
  }
  const notes = prover
    ? []
    : ["Missing indexes are guesses here: HypoPG is not installed and Postgres is older than 18."];
  return { advice: [...advice.values()], notes };
}

/** What was cut off, or lost its types as its values were taken out, cannot be planned. */
function skipUnplannable(error: unknown): null {
  if (error instanceof DatabaseError && error.code !== "unavailable") return null;
  throw error;
}

async function judge(
  statement: StatementFigures,
  table: OwnTable,
  candidate: Candidate,
  prover: Prover | null,
): Promise<Omit<Advice, "cost"> | null> {
  const proof = prover && (await prover(statement.sql, table, candidate).catch(skipUnplannable));
  if (proof && !(proof.isUsed && proof.with <= proof.without * worthwhile)) return null;
  const index = nameOf(candidate);
  const { calls, meanMs } = statement;
  const spent = `ran ${calls} times at ${meanMs.toFixed(1)} ms and reads all of ${table.name}`;
  const judged = proof
    ? `the planner takes it at a cost of ${Math.round(proof.with)} instead of ${Math.round(proof.without)}, asked by ${proof.how}`
    : "a guess from the plan alone";
  return {
    name: `create-index.${index}`,
    kind: "missing_index",
    summary: `An index on ${table.name} (${candidate.keys.join(", ")})`,
    evidence: `“${shorten(statement.sql)}” ${spent}; ${judged}.`,
    confidence: proof ? "proven" : "guess",
    sql: `CREATE INDEX CONCURRENTLY ${index} ON ${table.quoted} USING btree (${candidate.keys.join(", ")})`,
    undo: `DROP INDEX CONCURRENTLY "${table.schema}".${index}`,
    applicable: table.mayAlter,
  };
}

async function sizeCost(context: JobContext, table: OwnTable, { keys }: Candidate) {
  const [row] = await context.watch.query<{ width: number }>(
    `select coalesce(sum(avg_width), 16)::float8 as width from pg_stats
    where schemaname = $1::text and tablename = $2::text and attname = any($3::text[])`,
    [table.schema, table.name, `{${keys.join(",")}}`],
  );
  // Each entry has a header of 8 bytes and a pointer of 4; pages are filled to 90 percent.
  const bytes = (table.rows * ((row?.width ?? 16) + 12)) / 0.9;
  return {
    cost: `About ${megabytes(bytes)}, and a little time with each write. Built without blocking.`,
  };
}

function nameOf({ table, keys }: Candidate): string {
  return `${table}_${keys.join("_")}_advised_idx`.slice(0, 63);
}

/** One line; there are no values in it. */
export function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}

async function readColumns(context: JobContext, tables: readonly OwnTable[]) {
  const rows = await context.watch.query<{ table: string; column: string }>(
    `select relname::text as table, attname::text as column from pg_attribute
    join pg_class on pg_class.oid = attrelid
    where attrelid = any(${oidList(tables)}) and attnum > 0 and not attisdropped
      and atttypid in ('uuid'::regtype, 'text'::regtype, 'int4'::regtype, 'int8'::regtype,
        'int2'::regtype, 'timestamptz'::regtype, 'bool'::regtype, 'bytea'::regtype)`,
  );
  const columns = new Map<string, Set<string>>();
  for (const { table, column } of rows) {
    columns.set(table, (columns.get(table) ?? new Set()).add(column));
  }
  return columns;
}
