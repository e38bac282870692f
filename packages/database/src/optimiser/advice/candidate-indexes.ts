import type { PlanNode } from "../measure-query.ts";

/** An index that might serve a plan better, by the plan itself. */
export type Candidate = { table: string; keys: string[] };

type TableColumns = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Candidates for the tables of which a plan reads more than it needs: all of it, or by an index and
 * then throwing rows away. Columns compared for equality first, then one
 * that is compared by order or that the rows are sorted by. Only of plain columns; conditions with
 * OR are left, since no single index serves them.
 *
 * @param columns of the tables that may be advised on
 */
export function findCandidates(plan: PlanNode, columns: TableColumns): Candidate[] {
  const found: Candidate[] = [];
  walk(plan, [], [], columns, found);
  return found;
}

function walk(
  node: PlanNode,
  sortKeys: string[],
  joins: string[],
  columns: TableColumns,
  found: Candidate[],
): void {
  const readsTooMuch = node["Node Type"] === "Seq Scan" || node.Filter !== undefined;
  if (readsTooMuch && node["Relation Name"] !== undefined) {
    const candidate = candidateOf(node, sortKeys, joins, columns);
    if (candidate) found.push(candidate);
  }
  const passesOrder = /^(Limit|Gather|Gather Merge|Sort|Incremental Sort)$/.test(node["Node Type"]);
  const below = node["Sort Key"] ?? (passesOrder ? sortKeys : []);
  const conditions = [node["Hash Cond"], node["Merge Cond"], node["Join Filter"]];
  const joined = [...joins, ...conditions.filter((condition) => condition !== undefined)];
  for (const child of node.Plans ?? []) walk(child, below, joined, columns, found);
}

function candidateOf(
  node: PlanNode,
  sortKeys: string[],
  joins: string[],
  columns: TableColumns,
): Candidate | null {
  const table = node["Relation Name"] ?? "";
  const known = columns.get(table);
  if (!known) return null;
  const conditions = [node.Filter, node["Index Cond"], node["Recheck Cond"]];
  const filter = conditions.filter((condition) => condition !== undefined).join(" AND ");
  if (/ OR /.test(filter)) return null;
  const alias = node.Alias ?? table;
  const equal = new Set<string>();
  const ordered = new Set<string>();
  for (const [column, operator] of comparisons(filter, alias, true)) {
    if (!known.has(column)) continue;
    if (operator === "=") equal.add(column);
    else ordered.add(column);
  }
  for (const join of joins) {
    for (const [column, operator] of comparisons(join, alias, false)) {
      if (operator === "=" && known.has(column) && equal.size === 0) equal.add(column);
    }
  }
  const sorted = sortKeys.map((key) => key.replace(/ (DESC|ASC)$/, "").replace(`${alias}.`, ""));
  const directions = new Set(sortKeys.map((key) => key.endsWith(" DESC")));
  const isSorted =
    sorted.length > 0 && directions.size === 1 && sorted.every((key) => known.has(key));
  const [range] = ordered;
  const last = isSorted ? sorted : range ? [range] : [];
  const keys = [...new Set([...equal, ...last])].slice(0, 3);
  return keys.length > 0 ? { table, keys } : null;
}

/** Columns of one table that a condition compares with something else. */
function* comparisons(condition: string, alias: string, mayBeBare: boolean) {
  const column = mayBeBare ? `(?:${alias}\\.)?(\\w+)` : `${alias}\\.(\\w+)`;
  const operator = "(=|<=|>=|<|>)";
  const cast = "(?:\\)?::[\\w ]+)?";
  for (const match of condition.matchAll(new RegExp(`\\(*${column}${cast} ${operator} `, "g"))) {
    yield [match[1] ?? "", match[2] ?? ""] as const;
  }
  for (const match of condition.matchAll(new RegExp(` ${operator} \\(*${column}${cast}\\)`, "g"))) {
    yield [match[2] ?? "", match[1] ?? ""] as const;
  }
}
