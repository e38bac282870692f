import type { AdminConnection, Query } from "../admin-connection.ts";
import { explain, type PlanNode, planNodes } from "../measure-query.ts";
import type { OwnTable } from "../own-tables.ts";
import type { Candidate } from "./candidate-indexes.ts";

/** What the planner would do with an index that is not there. */
type Proof = { without: number; with: number; isUsed: boolean; how: string };

export type Prover = (statement: string, table: OwnTable, candidate: Candidate) => Promise<Proof>;

const timeoutMs = 5_000;

/**
 * How an index can be proven here: with HypoPG, which lets the planner see indexes that do not
 * exist; else, from Postgres 18 on, with a shadow table; else not at all.
 */
export async function chooseProver(connection: AdminConnection): Promise<Prover | null> {
  const [facts] = await connection.query<{ version: number; hypopg: boolean; temporary: boolean }>(
    `select current_setting('server_version_num')::int as version,
      to_regproc('hypopg_create_index') is not null as hypopg,
      has_database_privilege(current_database(), 'TEMPORARY') as temporary`,
  );
  if (facts?.hypopg) return withHypoPg(connection);
  if (facts && facts.version >= 180_000 && facts.temporary) return withShadow(connection);
  return null;
}

/** The plan of a statement whose values are not known. */
export async function explainGeneric(query: Query, statement: string): Promise<PlanNode> {
  const [row] = await query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  if ((row?.version ?? 0) >= 160_000)
    return (await explain(query, ", generic_plan", statement)).Plan;
  const count = Math.max(
    0,
    ...[...statement.matchAll(/\$(\d+)/g)].map((match) => Number(match[1])),
  );
  const nulls = Array.from({ length: count }, () => "null").join(", ");
  await query("set local plan_cache_mode = force_generic_plan");
  await query(`prepare optimiser_plan as ${statement}`);
  try {
    return (await explain(query, "", `execute optimiser_plan${count > 0 ? `(${nulls})` : ""}`))
      .Plan;
  } finally {
    await query("deallocate optimiser_plan");
  }
}

function withHypoPg(connection: AdminConnection): Prover {
  return (statement, table, { keys }) =>
    connection.look(
      async (query) => {
        const without = await explainGeneric(query, statement);
        const [made] = await query<{ name: string }>(
          "select indexname as name from hypopg_create_index($1::text)",
          [`create index on ${table.quoted} (${keys.join(", ")})`],
        );
        try {
          const plan = await explainGeneric(query, statement);
          return proofOf(without, plan, made?.name ?? "", "HypoPG");
        } finally {
          await query("select hypopg_reset()");
        }
      },
      { timeoutMs },
    );
}

/**
 * A temporary table of the same name stands before the real one in the search path. It has one row
 * and the real one's indexes; after the candidate is built, it is given the real one's statistics,
 * so that the planner takes it for as large. Both plans are of the shadow. Its one page makes
 * reading the whole look cheaper than it is: what wins here wins on the real table all the more.
 */
function withShadow(connection: AdminConnection): Prover {
  return (statement, table, { keys }) =>
    connection.look(
      async (query) => {
        await query(
          `create temporary table ${table.name} (like ${table.quoted} including indexes) on commit drop`,
        );
        await query(`insert into pg_temp.${table.name} select * from ${table.quoted} limit 1`);
        await giveStatistics(query, table);
        const without = await explainGeneric(query, statement);
        await query(
          `create index optimiser_candidate on pg_temp.${table.name} (${keys.join(", ")})`,
        );
        // Building it has counted the table's one row.
        await giveStatistics(query, table);
        const plan = await explainGeneric(query, statement);
        return proofOf(
          without,
          plan,
          "optimiser_candidate",
          "a shadow of the table with its statistics",
        );
      },
      { timeoutMs, access: "read write" },
    );
}

async function giveStatistics(query: Query, table: OwnTable): Promise<void> {
  const shadow = `'schemaname', (select nspname::text from pg_namespace where oid = pg_my_temp_schema()),
    'relname', $1::text`;
  await query(
    `select pg_restore_relation_stats(${shadow}, 'relpages', 1, 'reltuples', $2::float8::real)`,
    [table.name, table.rows],
  );
  await query(
    `select pg_restore_attribute_stats(${shadow}, 'attname', attname::text, 'inherited', false,
      'null_frac', null_frac, 'avg_width', avg_width, 'n_distinct', n_distinct,
      'most_common_vals', most_common_vals::text, 'most_common_freqs', most_common_freqs,
      'histogram_bounds', histogram_bounds::text, 'correlation', correlation,
      'most_common_elems', most_common_elems::text,
      'most_common_elem_freqs', most_common_elem_freqs,
      'elem_count_histogram', elem_count_histogram)
    from pg_stats where schemaname = $2::text and tablename = $1::text and not inherited`,
    [table.name, table.schema],
  );
}

function proofOf(without: PlanNode, plan: PlanNode, index: string, how: string): Proof {
  const isUsed = planNodes(plan).some((node) => node["Index Name"] === index);
  return { without: without["Total Cost"], with: plan["Total Cost"], isUsed, how };
}
