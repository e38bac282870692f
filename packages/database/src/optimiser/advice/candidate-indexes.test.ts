import { expect, test } from "bun:test";
import type { PlanNode } from "../measure-query.ts";
import { findCandidates } from "./candidate-indexes.ts";

const columns = new Map([
  ["messages", new Set(["model", "status", "created_at", "user_id", "id"])],
]);

function scan(rest: Partial<PlanNode>): PlanNode {
  const table = { "Relation Name": "messages", Alias: "messages" };
  return { "Node Type": "Seq Scan", "Total Cost": 1, "Plan Rows": 1, ...table, ...rest };
}
const above = (type: string, child: PlanNode, rest: Partial<PlanNode> = {}): PlanNode => ({
  "Node Type": type,
  "Total Cost": 1,
  "Plan Rows": 1,
  Plans: [child],
  ...rest,
});
const keysOf = (plan: PlanNode) => findCandidates(plan, columns).map(({ keys }) => keys);

test.each([
  ["(model = $1)", ["model"]],
  ["((created_at > $2) AND (model = $1))", ["model", "created_at"]],
  ["((status = 'complete'::text) AND (user_id = $1))", ["status", "user_id"]],
  ["(($1 = model) AND (id < $2))", ["model", "id"]],
  ["((messages.model)::text = $1)", ["model"]],
  ["(created_at <= now())", ["created_at"]],
])("%s asks for an index on %p", (filter, keys) => {
  expect(keysOf(scan({ Filter: filter }))).toEqual([keys]);
});

test.each([
  ["((model = $1) OR (status = $2))"],
  ["(content = $1)"],
  ["(lower(model) = $1)"],
  ["(superseded_at IS NULL)"],
])("%s asks for none", (filter) => {
  expect(keysOf(scan({ Filter: filter }))).toEqual([]);
});

test("the order that is asked for comes after what is equal", () => {
  const sorted = above("Sort", scan({ Filter: "(model = $1)" }), {
    "Sort Key": ["created_at DESC", "id DESC"],
  });
  expect(keysOf(above("Limit", sorted))).toEqual([["model", "created_at", "id"]]);
});

test("an order in two directions is left out", () => {
  const sorted = above("Sort", scan({ Filter: "(model = $1)" }), {
    "Sort Key": ["created_at DESC", "id"],
  });
  expect(keysOf(sorted)).toEqual([["model"]]);
});

test("what a join asks for is found by the table's alias", () => {
  const join = above("Hash Join", above("Hash", scan({ Alias: "m" })), {
    "Hash Cond": "(c.id = m.user_id)",
  });
  expect(keysOf(join)).toEqual([["user_id"]]);
});

test("an index that is not precise enough is widened", () => {
  const narrow = scan({
    "Node Type": "Index Scan",
    "Index Cond": "(user_id = $1)",
    Filter: "(model = $2)",
  });
  expect(keysOf(narrow)).toEqual([["model", "user_id"]]);
  expect(keysOf(scan({ "Node Type": "Index Scan", "Index Cond": "(user_id = $1)" }))).toEqual([]);
});

test("other people's tables get none", () => {
  expect(
    keysOf(scan({ "Relation Name": "theirs", Alias: "theirs", Filter: "(model = $1)" })),
  ).toEqual([]);
});
