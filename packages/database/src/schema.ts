import { type SQL, sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

/*
 * The tables, from which `drizzle-kit generate` writes the migrations.
 *
 * - Ids are UUIDv7 made by the application: time-ordered, so that the primary key is the keyset.
 * - Moments are timestamptz(3): what JavaScript and the API carry, so that a moment that went out
 *   in a cursor finds its row again when it comes back.
 * - What a person owns goes with them: ON DELETE CASCADE from users downward.
 */

const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const tsvector = customType<{ data: string }>({ dataType: () => "tsvector" });
const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const createdAt = () => moment("created_at").notNull().defaultNow();
const owner = () =>
  uuid("user_id")
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });

/*
 * What search finds a row by: `docs/search.md`. The configuration `peregrine` and the functions
 * `search_text` and `search_slot` are in the migration that adds these columns.
 */
const search = (words: SQL) => tsvector("search").generatedAlwaysAs(words);
const searchSlot = sql`search_slot(user_id, id)`;
/**
 * Each message pays for its own words (1 ms for 150 of them, 0.1 for a short question). Gathered up,
 * as is the default, every so often one pays for all: 80 to 170 ms.
 */
const searchIndexOptions = { fastupdate: false };

export const users = pgTable(
  "users",
  {
    id: uuid("id").primaryKey(),
    email: text("email").notNull(),
    name: text("name").notNull(),
    role: text("role", { enum: ["admin", "user"] }).notNull(),
    passwordHash: text("password_hash").notNull(),
    /** True for the account that found the installation empty; the unique index makes it one. */
    founder: boolean("founder").notNull().default(false),
    createdAt: createdAt(),
    lastLoginAt: moment("last_login_at"),
  },
  (table) => [
    uniqueIndex("users_email_key").on(sql`lower(${table.email})`),
    uniqueIndex("users_founder_key").on(table.founder).where(sql`${table.founder}`),
    check("users_role_check", sql`${table.role} in ('admin', 'user')`),
  ],
);

export const sessions = pgTable(
  "sessions",
  {
    tokenHash: bytea("token_hash").primaryKey(),
    userId: owner(),
    createdAt: createdAt(),
    expiresAt: moment("expires_at").notNull(),
    lastUsedAt: moment("last_used_at").notNull().defaultNow(),
  },
  (table) => [
    index("sessions_user_id_idx").on(table.userId),
    index("sessions_expires_at_idx").on(table.expiresAt),
  ],
);

export const apiKeys = pgTable(
  "api_keys",
  {
    id: uuid("id").primaryKey(),
    userId: owner(),
    /** 1 to the limit of keys a user may have: two keys made at once cannot both take the last. */
    slot: smallint("slot").notNull(),
    name: text("name").notNull(),
    prefix: text("prefix").notNull(),
    keyHash: bytea("key_hash").notNull(),
    createdAt: createdAt(),
    lastUsedAt: moment("last_used_at"),
  },
  (table) => [
    uniqueIndex("api_keys_key_hash_key").on(table.keyHash),
    uniqueIndex("api_keys_user_id_slot_key").on(table.userId, table.slot),
  ],
);

/** Sign-in attempts by account and by address. UNLOGGED (see the migration): a crash forgets them. */
export const attempts = pgTable(
  "attempts",
  {
    key: text("key").primaryKey(),
    windowEndsAt: moment("window_ends_at").notNull(),
    count: integer("count").notNull(),
  },
  (table) => [index("attempts_window_ends_at_idx").on(table.windowEndsAt)],
);

/** The server processes that write answers, each alive for a lease after its last heartbeat. */
export const servers = pgTable("servers", {
  id: uuid("id").primaryKey(),
  startedAt: moment("started_at").notNull().defaultNow(),
  lastSeenAt: moment("last_seen_at").notNull().defaultNow(),
});

/** Servers that write while they are cut off from the log of invalidations, for the others to see. */
export const cacheWitness = pgTable("cache_witness", {
  node: text("node").primaryKey(),
  saidAt: moment("said_at").notNull().defaultNow(),
});

export const conversations = pgTable(
  "conversations",
  {
    id: uuid("id").primaryKey(),
    userId: owner(),
    title: text("title"),
    preview: text("preview").notNull().default(""),
    model: text("model"),
    cancelWhenAlone: boolean("cancel_when_alone").notNull().default(false),
    cacheAnswers: boolean("cache_answers").notNull().default(false),
    createdAt: createdAt(),
    /** The last activity, which orders the list. A new title or setting is none. */
    updatedAt: moment("updated_at").notNull().defaultNow(),
    search: search(sql`setweight(to_tsvector('peregrine', search_text(title)), 'A')`),
  },
  (table) => [
    index("conversations_user_id_updated_at_id_idx").on(table.userId, table.updatedAt, table.id),
    index("conversations_search_idx")
      .using("gin", searchSlot, table.search)
      .with(searchIndexOptions),
  ],
);

/**
 * Questions and answers. `user_id` is the conversation's owner, so that search can stay inside one
 * user's rows; it and `question_id` carry no foreign key, since both rows they name live and die
 * with the conversation, and each key would cost a look-up for every insert and delete.
 */
export const messages = pgTable(
  "messages",
  {
    id: uuid("id").primaryKey(),
    conversationId: uuid("conversation_id")
      .notNull()
      .references(() => conversations.id, { onDelete: "cascade" }),
    userId: uuid("user_id").notNull(),
    role: text("role", { enum: ["user", "assistant"] }).notNull(),
    content: text("content").notNull(),
    status: text("status", { enum: ["running", "complete", "stopped", "interrupted"] }).notNull(),
    questionId: uuid("question_id"),
    model: text("model"),
    promptTokens: integer("prompt_tokens"),
    completionTokens: integer("completion_tokens"),
    errorCode: text("error_code"),
    errorMessage: text("error_message"),
    /** The server process that writes the answer; null for questions. */
    serverId: uuid("server_id"),
    /** When a newer answer to the same question took this one's place. */
    supersededAt: moment("superseded_at"),
    createdAt: createdAt(),
    finishedAt: moment("finished_at"),
    search: search(sql`to_tsvector('peregrine', search_text(content))`),
  },
  (table) => [
    // Not partial, as the next one is: the cascade from a deleted conversation has to find all.
    index("messages_conversation_id_id_idx").on(table.conversationId, table.id),
    index("messages_user_id_id_idx")
      .on(table.userId, table.id)
      .where(sql`${table.supersededAt} is null`),
    index("messages_search_idx")
      .using("gin", searchSlot, table.search)
      .with(searchIndexOptions)
      .where(sql`${table.supersededAt} is null`),
    // At most one running answer a conversation, and the way to all of them after a crash.
    uniqueIndex("messages_running_key")
      .on(table.conversationId)
      .where(sql`${table.status} = 'running'`),
    check("messages_role_check", sql`${table.role} in ('user', 'assistant')`),
    check(
      "messages_status_check",
      sql`${table.status} in ('running', 'complete', 'stopped', 'interrupted')`,
    ),
  ],
);

export const files = pgTable(
  "files",
  {
    id: uuid("id").primaryKey(),
    userId: owner(),
    name: text("name").notNull(),
    mediaType: text("media_type").notNull(),
    sizeBytes: bigint("size_bytes", { mode: "number" }).notNull(),
    /** SHA-256 of the content. */
    hash: bytea("hash").notNull(),
    /** Where the store has it. Files of one user with the same content share one object. */
    objectKey: text("object_key").notNull(),
    /** Whether its owner lets everybody have it, under an address made of its hash. */
    isPublic: boolean("is_public").notNull().default(false),
    createdAt: createdAt(),
  },
  (table) => [
    index("files_user_id_id_idx").on(table.userId, table.id),
    index("files_user_id_hash_idx").on(table.userId, table.hash),
    index("files_object_key_idx").on(table.objectKey),
    index("files_public_hash_idx").on(table.hash).where(sql`${table.isPublic}`),
  ],
);

/** Files that are on their way in parts. One that is finished goes on as a file with the same id. */
export const uploads = pgTable(
  "uploads",
  {
    id: uuid("id").primaryKey(),
    userId: owner(),
    name: text("name").notNull(),
    sizeBytes: bigint("size_bytes", { mode: "number" }).notNull(),
    objectKey: text("object_key").notNull(),
    /** How the store calls it; null until the store knows of it. */
    storeId: text("store_id"),
    /** All parts are there, and some server looks at them until then. */
    checkingUntil: moment("checking_until"),
    /** When it is given up. */
    expiresAt: moment("expires_at").notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index("uploads_user_id_idx").on(table.userId),
    index("uploads_expires_at_idx").on(table.expiresAt),
  ],
);

/**
 * What is to be removed from the store and from all caches, until it is: a file that was deleted,
 * or an object that was announced before it was stored and that no file took up. It names rows that
 * are gone, so it carries no foreign key.
 */
export const fileRemovals = pgTable(
  "file_removals",
  {
    /** The file's id, where the file itself is gone or not there yet. */
    id: uuid("id").primaryKey(),
    /** The file that caches are to forget, where it is another id; the file may still be there. */
    fileId: uuid("file_id"),
    objectKey: text("object_key").notNull(),
    /** The hash under which everybody could have it. */
    publicHash: bytea("public_hash"),
    /**
     * How often caches are still to be told after this time: an answer that was on its way to a
     * cache when it was told comes there afterwards.
     */
    purgesLeft: smallint("purges_left").notNull().default(0),
    /** When it is to be tried next. */
    dueAt: moment("due_at").notNull(),
    attempts: integer("attempts").notNull().default(0),
    lastError: text("last_error"),
    /** Removals that go to the networks together, and again together where that failed. */
    batch: uuid("batch"),
    createdAt: createdAt(),
  },
  (table) => [
    index("file_removals_due_at_idx").on(table.dueAt),
    index("file_removals_batch_idx").on(table.batch),
  ],
);

/** Work that one server does for all at set times: who does it now, and what came of it last. */
export const scheduledJobs = pgTable("scheduled_jobs", {
  name: text("name").primaryKey(),
  /** No other server begins before. */
  claimedUntil: moment("claimed_until").notNull(),
  finishedAt: moment("finished_at"),
  result: jsonb("result"),
});

export const messageFiles = pgTable(
  "message_files",
  {
    messageId: uuid("message_id")
      .notNull()
      .references(() => messages.id, { onDelete: "cascade" }),
    fileId: uuid("file_id")
      .notNull()
      .references(() => files.id, { onDelete: "cascade" }),
    /** The place among the message's files. */
    position: smallint("position").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.messageId, table.fileId] }),
    index("message_files_file_id_idx").on(table.fileId),
  ],
);

/** Texts that belong to a user and are searched beside the messages. */
export const documents = pgTable(
  "documents",
  {
    id: uuid("id").primaryKey(),
    userId: owner(),
    /** The file that the text was taken from. */
    fileId: uuid("file_id").references(() => files.id, { onDelete: "cascade" }),
    title: text("title").notNull(),
    content: text("content").notNull(),
    metadata: jsonb("metadata").notNull().default({}),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
    search: search(
      sql`setweight(to_tsvector('peregrine', search_text(title)), 'A') || to_tsvector('peregrine', search_text(content))`,
    ),
  },
  (table) => [
    index("documents_user_id_id_idx").on(table.userId, table.id),
    index("documents_search_idx").using("gin", searchSlot, table.search).with(searchIndexOptions),
    uniqueIndex("documents_file_id_key").on(table.fileId),
  ],
);

/** Jobs of the optimiser, the one that runs and those that ended, for all servers to see. */
export const optimiserRuns = pgTable(
  "optimiser_runs",
  {
    id: uuid("id").primaryKey(),
    kind: text("kind", { enum: ["optimise", "apply"] }).notNull(),
    trigger: text("trigger", { enum: ["administrator", "schedule", "command"] }).notNull(),
    /** The advice that the job applies. */
    advice: text("advice"),
    status: text("status", {
      enum: ["running", "done", "failed", "cancelled", "interrupted"],
    }).notNull(),
    progress: jsonb("progress"),
    result: jsonb("result"),
    error: text("error"),
    cancelRequested: boolean("cancel_requested").notNull().default(false),
    startedAt: moment("started_at").notNull().defaultNow(),
    finishedAt: moment("finished_at"),
  },
  (table) => [
    check(
      "optimiser_runs_status_check",
      sql`${table.status} in ('running', 'done', 'failed', 'cancelled', 'interrupted')`,
    ),
  ],
);

/** The servers that have kept figures, by the names that people know them by. */
export const metricServers = pgTable("metric_servers", {
  id: integer("id").primaryKey().generatedAlwaysAsIdentity(),
  name: text("name").notNull().unique(),
  lastSeenAt: moment("last_seen_at").notNull().defaultNow(),
});

/**
 * What a server counted in a span of 1, 15 or 300 seconds, in a packed form of its own. The time
 * comes before the server, since what is read and what is forgotten are ranges of time.
 */
export const metricSlots = pgTable(
  "metric_slots",
  {
    step: smallint("step").notNull(),
    at: moment("at").notNull(),
    serverId: integer("server_id")
      .notNull()
      .references(() => metricServers.id, { onDelete: "cascade" }),
    data: bytea("data").notNull(),
  },
  (table) => [primaryKey({ columns: [table.step, table.at, table.serverId] })],
);

/** Rules of alerts that were made or changed; those that nobody touched are in the code. */
export const alertRules = pgTable("alert_rules", {
  id: text("id").primaryKey(),
  rule: jsonb("rule").notNull(),
  updatedBy: text("updated_by").notNull(),
  updatedAt: moment("updated_at").notNull().defaultNow(),
});

/** How each rule stands, over all servers. */
export const alertStates = pgTable("alert_states", {
  ruleId: text("rule_id").primaryKey(),
  state: jsonb("state").notNull(),
  /** Apart from the state, since people write it while a server writes the other. */
  acknowledgedBy: text("acknowledged_by"),
});

export const alertSilences = pgTable("alert_silences", {
  id: uuid("id").primaryKey(),
  /** Null for all rules. */
  ruleId: text("rule_id"),
  until: moment("until").notNull(),
  reason: text("reason").notNull(),
  createdBy: text("created_by").notNull(),
  createdAt: createdAt(),
});

/** When alerts began to fire and when that was over. */
export const alertEvents = pgTable(
  "alert_events",
  {
    id: uuid("id").primaryKey(),
    ruleId: text("rule_id").notNull(),
    kind: text("kind", { enum: ["firing", "resolved"] }).notNull(),
    at: moment("at").notNull(),
    value: doublePrecision("value"),
  },
  (table) => [index("alert_events_at_idx").on(table.at)],
);

/** What receivers are to be told; a row goes when it was delivered. */
export const alertDeliveries = pgTable("alert_deliveries", {
  id: uuid("id").primaryKey(),
  receiver: text("receiver").notNull(),
  notes: jsonb("notes").notNull(),
  attempts: integer("attempts").notNull().default(0),
  /** Null once it was given up. */
  nextAt: moment("next_at").defaultNow(),
  error: text("error"),
  createdAt: createdAt(),
});

/** Which server looks after the alerts, and until when it may. One row. */
export const alertLease = pgTable("alert_lease", {
  id: smallint("id").primaryKey(),
  holder: uuid("holder").notNull(),
  until: moment("until").notNull(),
});

/** What administrators did. It outlives their accounts. */
export const auditLog = pgTable(
  "audit_log",
  {
    id: uuid("id").primaryKey(),
    at: createdAt(),
    userId: uuid("user_id").notNull(),
    userName: text("user_name").notNull(),
    action: text("action").notNull(),
    subject: text("subject").notNull(),
    result: text("result").notNull(),
  },
  (table) => [index("audit_log_created_at_id_idx").on(table.at, table.id)],
);
