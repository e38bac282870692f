import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { createTestDatabase } from "../testing/index.ts";
import { useDatabase } from "../testing/use-database.ts";
import { ask } from "./ask-question.ts";
import { listConversations } from "./conversations.ts";
import { finish } from "./finish-answer.ts";
import { listMessages, listMessagesAround } from "./messages.ts";
import { prompt } from "./prompt.ts";
import { regenerate } from "./regenerate-answer.ts";

const fixture = useDatabase();
let sql: SQL;

/** Few conversations, one of them with nearly all messages: the planner's strongest temptation. */
beforeAll(async () => {
  const userId = await fixture.makeUser();
  const big = await fixture.makeConversation(userId);
  for (let i = 0; i < 200; i++) await fixture.makeConversation(userId);
  sql = new SQL({ url: fixture.url, max: 1 });
  await sql`insert into messages (id, conversation_id, user_id, role, content, status)
    select gen_random_uuid(), ${big}, ${userId}, 'user', repeat('words ', 50), 'complete'
    from generate_series(1, 20000)`;
  await sql.unsafe("analyze");
  await sql.unsafe("set plan_cache_mode = force_generic_plan");
});

afterAll(async () => {
  await sql.close();
});

type Plan = {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  Plans?: Plan[];
};

/** The nodes of a statement's generic plan, without running it. */
async function planOf(
  statement: { text: string; parameters: readonly string[] },
  on = sql,
): Promise<Plan[]> {
  await on.unsafe(`prepare planned as ${statement.text}`);
  const nulls = statement.parameters.map(() => "null").join(", ");
  const [row] = await on.unsafe(`explain (format json) execute planned(${nulls})`);
  await on.unsafe("deallocate planned");
  const nodes: Plan[] = [];
  const collect = (plan: Plan) => {
    nodes.push(plan);
    plan.Plans?.forEach(collect);
  };
  collect(row["QUERY PLAN"][0].Plan);
  return nodes;
}

const scans = (nodes: Plan[]) => nodes.filter((node) => node["Node Type"].includes("Scan"));

test("the list of conversations is a range of its index, in its order", async () => {
  const nodes = await planOf(listConversations);
  expect(scans(nodes).map((node) => node["Index Name"])).toEqual([
    "conversations_user_id_updated_at_id_idx",
  ]);
  expect(nodes.some((node) => node["Node Type"].includes("Sort"))).toBe(false);
});

test.each([
  ["a page of messages", listMessages],
  ["the messages around one", listMessagesAround],
  ["what was said before", prompt],
  ["regenerating", regenerate],
  ["finishing", finish],
])("%s walks the one conversation's messages", async (_, statement) => {
  const nodes = await planOf(statement);
  expect(nodes.map((node) => node["Index Name"])).toContain("messages_conversation_id_id_idx");
  const whole = scans(nodes).filter(
    (node) => node["Relation Name"] === "messages" && node["Node Type"] === "Seq Scan",
  );
  expect(whole).toEqual([]);
});

test.each([
  ["a page of messages", listMessages],
  ["the messages around one", listMessagesAround],
  ["what was said before", prompt],
  ["asking", ask],
])("%s never walks messages by their id alone", async (_, statement) => {
  const nodes = await planOf(statement);
  expect(nodes.map((node) => node["Index Name"])).not.toContain("messages_pkey");
});

test("a table that was never analysed is walked by the conversation too", async () => {
  const fresh = await createTestDatabase();
  const plain = new SQL({ url: fresh.url, max: 1 });
  try {
    await plain.unsafe("set plan_cache_mode = force_generic_plan");
    const [{ version }] = await plain`select current_setting('server_version_num') as version`;
    for (const statement of [listMessages, listMessagesAround, prompt, regenerate, finish]) {
      const nodes = await planOf(statement, plain);
      const names = nodes.map((node) => node["Index Name"]);
      expect([statement.name, names]).toEqual([
        statement.name,
        expect.not.arrayContaining(["messages_user_id_id_idx"]),
      ]);
      // Before Postgres 18 a table without a page is read whole, which costs nothing.
      const isReadWhole = nodes.some(
        (node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] === "messages",
      );
      if (!isReadWhole) expect(names).toContain("messages_conversation_id_id_idx");
      else expect(Number(version)).toBeLessThan(180_000);
    }
  } finally {
    await plain.close();
    await fresh.drop();
  }
});
