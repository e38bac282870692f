import type { QueryCost } from "@peregrine/protocol";
import type { AdminConnection, Query } from "./admin-connection.ts";

export type PlanNode = {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  Alias?: string;
  "Total Cost": number;
  "Plan Rows": number;
  Filter?: string;
  "Index Cond"?: string;
  "Recheck Cond"?: string;
  "Hash Cond"?: string;
  "Merge Cond"?: string;
  "Join Filter"?: string;
  "Sort Key"?: string[];
  Plans?: PlanNode[];
};

type Explained = { "QUERY PLAN": [{ Plan: PlanNode; "Execution Time"?: number }] };

export async function explain(query: Query, options: string, statement: string) {
  const [row] = await query<Explained>(`explain (format json${options}) ${statement}`);
  const [explained] = row?.["QUERY PLAN"] ?? [];
  if (!explained) throw new Error("EXPLAIN gave no plan");
  return explained;
}

export function planNodes(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(planNodes)];
}

/** What a query that only reads costs now. Run if that takes no longer than `limitMs`. */
export async function measureQuery(
  connection: AdminConnection,
  statement: string,
  limitMs: number,
): Promise<QueryCost> {
  const estimated = await connection.look((query) => explain(query, "", statement), {
    timeoutMs: limitMs,
  });
  // The second run: the first may have read from the disk what the other side will find in memory.
  const durationMs = await connection
    .look(
      async (query) => {
        await explain(query, ", analyze, timing off", statement);
        return (await explain(query, ", analyze, timing off", statement))["Execution Time"] ?? null;
      },
      { timeoutMs: limitMs },
    )
    .catch(() => null);
  return { plan: readPath(estimated.Plan), cost: estimated.Plan["Total Cost"], durationMs };
}

/** How a plan reads its tables: "Seq Scan on messages", "Index Scan using users_pkey on users". */
function readPath(plan: PlanNode): string {
  const scans = planNodes(plan).filter((node) => node["Node Type"].includes("Scan"));
  const named = scans.map((node) => {
    const index = node["Index Name"] ? ` using ${node["Index Name"]}` : "";
    const table = node["Relation Name"] ? ` on ${node["Relation Name"]}` : "";
    return `${node["Node Type"]}${index}${table}`;
  });
  return [...new Set(named)].join(", ") || plan["Node Type"];
}
