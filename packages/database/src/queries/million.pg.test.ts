import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { encodeConversationCursor } from "../cursors.ts";
import type { Parameter, Run, Statement } from "../statement.ts";
import { fillWithMillionMessages, type MillionMessages } from "../testing/million-messages.ts";
import { useDatabase } from "../testing/use-database.ts";
import { conversationQueries } from "./conversations.ts";
import { messageQueries } from "./messages.ts";
import { type Search, searchQueries } from "./search.ts";

const fixture = useDatabase();
let sql: SQL;
let data: MillionMessages;

beforeAll(async () => {
  sql = new SQL({ url: fixture.url, max: 1 });
  data = await fillWithMillionMessages(sql);
  await sql.unsafe("set plan_cache_mode = force_generic_plan");
}, 180_000);

afterAll(() => sql.close());

type Plan = {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: Plan[];
};

type Ran = {
  name: string;
  indexes: string[];
  /** Tables that were read from end to end. */
  whole: string[];
  /** Rows that were read from tables, also those that a condition then took away. */
  rowsRead: number;
  /** The most rows that were sorted at once. */
  sorted: number;
};

let ran: Ran[] = [];

/** Runs a statement under the plan that serves all values, and notes what it did. */
const run = (async (statement: Statement<unknown, unknown>, args: Record<string, Parameter>) => {
  const values = statement.parameters.map((name) => literal(args[name] ?? null)).join(", ");
  const execute = `execute planned${values && `(${values})`}`;
  await sql.unsafe(`prepare planned as ${statement.text}`);
  try {
    const [row] = await sql.unsafe(`explain (analyze, format json) ${execute}`);
    ran.push(readPlan(statement.name, row["QUERY PLAN"][0].Plan));
    return await sql.unsafe(execute);
  } finally {
    await sql.unsafe("deallocate planned");
  }
}) as Run;

function literal(value: Parameter): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `'{${value.join(",")}}'`;
  const text = value instanceof Date ? value.toISOString() : String(value);
  return `'${text.replaceAll("'", "''")}'`;
}

function readPlan(name: string, root: Plan): Ran {
  const result: Ran = { name, indexes: [], whole: [], rowsRead: 0, sorted: 0 };
  const visit = (node: Plan) => {
    const loops = node["Actual Loops"];
    const type = node["Node Type"];
    if (loops > 0) {
      if (node["Index Name"]) result.indexes.push(node["Index Name"]);
      if (node["Relation Name"]) {
        const removed =
          (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
        const read = Math.round((node["Actual Rows"] + removed) * loops);
        result.rowsRead += read;
        if (type === "Seq Scan" && read > 0) result.whole.push(node["Relation Name"]);
      }
      if (type.includes("Sort")) {
        const input = node.Plans?.[0]?.["Actual Rows"] ?? 0;
        result.sorted = Math.max(result.sorted, input);
      }
    }
    node.Plans?.forEach(visit);
  };
  visit(root);
  result.indexes.sort();
  return result;
}

async function noting<T>(work: () => Promise<T>): Promise<{ ran: Ran[]; result: T }> {
  ran = [];
  const result = await work();
  return { ran, result };
}

const conversations = conversationQueries(run);
const messages = messageQueries(run);
const search = searchQueries(run);

test("the list of conversations reads the rows of its page and no more, also the 300th", async () => {
  const userId = data.heavyUser;
  const middle = new Date(data.startMs + 20_000 * 50 * 60_000 * 0.1).toISOString();
  const last = { updatedAt: middle, id: "ffffffff-ffff-ffff-ffff-ffffffffffff" };
  for (const cursor of [null, encodeConversationCursor(last)]) {
    const { ran, result } = await noting(() => conversations.list({ userId, limit: 50, cursor }));
    expect(result.conversations).toHaveLength(50);
    expect(ran).toEqual([
      {
        name: "conversations.list",
        indexes: ["conversations_user_id_updated_at_id_idx"],
        whole: [],
        rowsRead: 51,
        sorted: 0,
      },
    ]);
  }
});

test("a page of a long conversation reads the rows of its page and no more, also the last", async () => {
  const { heavyUser: userId, longConversation: conversationId } = data;
  const [deep] = await sql`select id from messages where conversation_id = ${conversationId}
    order by id limit 1 offset 60`;
  for (const cursor of [null, deep.id as string]) {
    const { ran, result } = await noting(() =>
      messages.list({ userId, conversationId, limit: 50, cursor }),
    );
    expect(result?.messages).toHaveLength(50);
    expect(ran).toHaveLength(1);
    expect(ran[0]?.indexes).toContain("messages_conversation_id_id_idx");
    expect(ran[0]?.whole).toEqual([]);
    // The conversation, its owner and 51 messages. They come in order; putting 51 in it again is free.
    expect(ran[0]?.rowsRead).toBe(53);
    expect(ran[0]?.sorted).toBeLessThanOrEqual(51);
  }
});

test("the messages around one of a long conversation are two ranges of its index", async () => {
  const { heavyUser: userId, longConversation: conversationId } = data;
  const [middle] = await sql`select id from messages where conversation_id = ${conversationId}
    order by id limit 1 offset 60`;
  const page = { userId, conversationId, limit: 50 };
  const { ran, result } = await noting(() => messages.listAround({ ...page, id: middle.id }));
  expect(result?.messages).toHaveLength(50);
  expect(ran).toHaveLength(1);
  expect(ran[0]?.indexes).toContain("messages_conversation_id_id_idx");
  expect(ran[0]?.whole).toEqual([]);
  // The conversation, its owner, and one message more on either side than is shown.
  expect(ran[0]?.rowsRead).toBe(54);
  expect(ran[0]?.sorted).toBeLessThanOrEqual(52);
});

test("a conversation is one row by its key", async () => {
  const { ran } = await noting(() => conversations.get(data.heavyUser, data.longConversation));
  expect(ran[0]).toMatchObject({
    indexes: ["conversations_pkey"],
    rowsRead: 1,
    sorted: 0,
    whole: [],
  });
});

const find = (userId: string, text: string, more: Partial<Search> = {}) => {
  const all = { conversationId: null, from: null, to: null, limit: 20, cursor: null };
  return noting(() => search.find({ userId, text, ...all, ...more }));
};

/*
 * The bounds are those of the mechanism: 500 rows of a walk, 5,000 where no index helps, and of the
 * index of words what matches in a slot (14,000 messages of the heavy user) or in some that were
 * looked up together.
 */
test.each([
  ["a word in every message", "heavy", "everyword ", 20, 700],
  ["a word in one of ten", "heavy", "tenthword ", 20, 9000],
  ["a word in one of a thousand", "heavy", "thousandth ", 20, 2000],
  ["a word that is there ten times", "heavy", "needle ", 10, 700],
  ["a word in the oldest third only", "heavy", "oldword ", 20, 30000],
  ["a word that is nowhere", "heavy", '"nowhere"', 0, 700],
  ["all but a word", "heavy", "-everyword ", 0, 5100],
  ["two words", "heavy", "everyword thousandth ", 20, 2000],
  ["a phrase", "heavy", '"everyword w1"', 20, 9000],
  ["the only one that one of ten messages has", "light", "needle ", 1, 100],
  ["all of ten messages", "light", "everyword ", 10, 100],
  ["another's words", "light", '"thousandth"', 0, 100],
] as const)(
  "searching for %s reads a bounded number of rows by indexes",
  async (_, who, text, found, rowLimit) => {
    const userId = who === "heavy" ? data.heavyUser : data.lightUser;
    const { ran, result } = await find(userId, text);
    expect(result.results.length).toBeGreaterThanOrEqual(found);
    if (found < 20) expect(result.results.length).toBe(found);
    expect(ran.flatMap((statement) => statement.whole)).toEqual([]);
    const indexes = new Set(ran.flatMap((statement) => statement.indexes));
    expect(indexes).toContain("messages_user_id_id_idx");
    const rowsRead = ran.reduce((sum, statement) => sum + statement.rowsRead, 0);
    expect([text, rowsRead < rowLimit, rowsRead]).toEqual([text, true, rowsRead]);
    expect(Math.max(...ran.map((statement) => statement.sorted))).toBeLessThan(rowLimit);
  },
);
