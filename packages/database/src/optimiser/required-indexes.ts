import { is, SQL } from "drizzle-orm";
import { type Index, type IndexedColumn, PgDialect } from "drizzle-orm/pg-core";
import { tableConfigs } from "./own-tables.ts";

/** An index that the application's queries need. */
export type RequiredIndex = {
  name: string;
  table: string;
  unique: boolean;
  method: string;
  /** Columns and expressions as Postgres writes them: `user_id`, `lower(email)`. */
  keys: string[];
  where: string | null;
  with: string | null;
  /** What each serves. */
  purpose: string;
  /**
   * Key lists with which another index serves the same queries; empty for one of the schema, which
   * is needed as it is.
   */
  servedBy: { keys: string[]; where: string | null }[];
  /** A query that the index is for, run before and after it is built; a few rows at most. */
  probe: string | null;
};

/**
 * Indexes by which people, programs and reports look things up, beside those of the schema. Ids are
 * UUIDv7 and so in the order in which rows were made: in a list of one owner's rows `id` does what
 * `created_at` would.
 */
const seeds: RequiredIndex[] = [
  seed("users", "users_email_idx", ["email"], "users by email", {
    servedBy: [{ keys: ["lower(email)"], where: null }],
  }),
  seed("users", "users_created_at_idx", ["created_at"], "users by the day they came"),
  seed("users", "users_last_login_at_idx", ["last_login_at"], "users by their last sign-in"),
  seed("messages", "messages_conversation_id_idx", ["conversation_id"], "messages by conversation"),
  seed("messages", "messages_created_at_idx", ["created_at"], "messages by time", {
    // Rows come in the order of time: the range of each 32 pages is a thousandth of a B-tree.
    method: "brin",
    with: "pages_per_range = 32, autosummarize = on",
    probe: `select count(*) from messages
      where created_at >= (select created_at - interval '1 hour' from messages order by id desc limit 1)`,
  }),
  seed("messages", "messages_user_id_idx", ["user_id"], "messages by user", {
    // What was superseded is asked for by nobody.
    servedBy: [{ keys: ["user_id"], where: "(superseded_at IS NULL)" }],
  }),
  seed(
    "messages",
    "messages_conversation_id_created_at_idx",
    ["conversation_id", "created_at"],
    "messages by conversation and time",
    { servedBy: [{ keys: ["conversation_id", "id"], where: null }] },
  ),
  seed("conversations", "conversations_user_id_idx", ["user_id"], "conversations by user"),
  seed(
    "conversations",
    "conversations_updated_at_idx",
    ["updated_at"],
    "conversations by activity",
  ),
  seed(
    "conversations",
    "conversations_user_id_updated_at_idx",
    ["user_id", "updated_at"],
    "conversations by user and activity",
  ),
];

/** Those of the schema first, then the seeds. */
export const requiredIndexes: readonly RequiredIndex[] = [...fromSchema(), ...seeds];

/** By explicit name, and without IF NOT EXISTS, which takes an invalid index for a good one. */
export function createIndexSql(index: RequiredIndex, quotedTable: string): string {
  const unique = index.unique ? "UNIQUE " : "";
  const storage = index.with ? ` WITH (${index.with})` : "";
  const where = index.where ? ` WHERE ${index.where}` : "";
  return `CREATE ${unique}INDEX CONCURRENTLY ${index.name} ON ${quotedTable} USING ${index.method} (${index.keys.join(", ")})${storage}${where}`;
}

function seed(
  table: string,
  name: string,
  keys: string[],
  purpose: string,
  options: Partial<Pick<RequiredIndex, "method" | "with" | "probe" | "servedBy">> = {},
): RequiredIndex {
  return {
    name,
    table,
    unique: false,
    method: "btree",
    keys,
    where: null,
    with: null,
    purpose,
    probe: probeOf(table, keys),
    ...options,
    servedBy: [{ keys, where: null }, ...(options.servedBy ?? [])],
  };
}

/** The newest rows of one column's order; those that equal some row's where there are more. */
function probeOf(table: string, keys: string[]): string {
  const [last = "", ...rest] = [...keys].reverse();
  const where = [
    ...rest.map((key) => `${key} = (select ${key} from ${table} limit 1)`),
    `${last} is not null`,
  ];
  return `select ${last} from ${table} where ${where.join(" and ")} order by ${last} desc limit 50`;
}

function fromSchema(): RequiredIndex[] {
  return tableConfigs.flatMap(({ name: table, indexes }) =>
    indexes.map(({ config }) => {
      const keys = config.columns.map(renderKey);
      const isPlain =
        config.method === "btree" && !config.where && keys.every((key) => /^\w+$/.test(key));
      return {
        name: config.name ?? "",
        table,
        unique: config.unique,
        method: config.method ?? "btree",
        keys,
        where: config.where ? renderSql(config.where) : null,
        with: config.with ? renderStorage(config.with) : null,
        purpose: `the queries of ${table}`,
        servedBy: [],
        probe: isPlain && !config.unique ? probeOf(table, keys) : null,
      };
    }),
  );
}

function renderKey(column: Index["config"]["columns"][number]): string {
  if (is(column, SQL)) return expression(renderSql(column));
  const { name, indexConfig } = column as IndexedColumn;
  const operators = indexConfig?.opClass ? ` ${indexConfig.opClass}` : "";
  const order = indexConfig?.order === "desc" ? " DESC" : "";
  return `${name}${operators}${order}`;
}

function renderStorage(storage: Record<string, unknown>): string {
  return Object.entries(storage)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");
}

/** An expression that is more than a call of a function has to stand in parentheses. */
function expression(sql: string): string {
  return /^\w+\(.*\)( \w+)?$/s.test(sql) ? sql : `(${sql})`;
}

/** With bare column names: `"users"."email"` is `"email"`. */
function renderSql(sql: SQL): string {
  return new PgDialect().sqlToQuery(sql).sql.replace(/"\w+"\.("\w+")/g, "$1");
}
