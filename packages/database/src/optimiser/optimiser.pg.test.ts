import { describe, expect, test } from "bun:test";
import type { OptimiserResult } from "@peregrine/protocol";
import { SQL } from "bun";
import {
  actionOn,
  engines,
  type OptimiserFixture,
  useOptimiser,
} from "../testing/use-optimiser.ts";
import { requiredIndexes } from "./required-indexes.ts";

const seeds = [
  "users_created_at_idx",
  "users_last_login_at_idx",
  "messages_created_at_idx",
  "conversations_updated_at_idx",
];

async function definitions({ sql }: OptimiserFixture): Promise<Map<string, string>> {
  const rows = await sql`select relname, pg_get_indexdef(indexrelid) as definition, indisvalid
    from pg_index join pg_class on oid = indexrelid
    where relnamespace = 'public'::regnamespace order by relname`;
  return new Map(
    rows.map((row: { relname: string; definition: string; indisvalid: boolean }) => [
      row.relname,
      row.indisvalid ? row.definition : `invalid: ${row.definition}`,
    ]),
  );
}

/** Everything that the optimiser could change. */
async function snapshot({ sql }: OptimiserFixture, tables = "true") {
  const classes = await sql.unsafe(
    `select relname, relfilenode, reloptions, reltuples, relpages from pg_class
    where relkind in ('r', 'i') and relnamespace not in ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
      and ${tables} order by 1`,
  );
  const settings = await sql`select setconfig from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())`;
  const extensions = await sql`select extname from pg_extension order by 1`;
  return JSON.stringify([[...classes], [...settings], [...extensions]]);
}

/** Runs a statement on so many messages that reading all of them takes milliseconds. */
async function runSlow({ sql }: OptimiserFixture, statement: string, value: string): Promise<void> {
  await sql`insert into messages (id, conversation_id, user_id, role, content, status, model)
    select gen_random_uuid(), conversation_id, user_id, role, content, status, model
    from messages, generate_series(1, 5)`;
  await sql`analyze messages`;
  for (let i = 0; i < 3; i++) await sql.unsafe(statement, [value]);
}

const outcomes = (result: OptimiserResult) =>
  result.actions
    .filter(({ outcome }) => outcome !== "unneeded")
    .map(({ name, outcome }) => [name, outcome]);

describe.each(engines)("on %s", (engine, start) => {
  const fixture = useOptimiser(start);
  const isDebian = engine.startsWith("Debian");

  test("a job builds the seeds that nothing serves, says what serves the others, and gives receipts", async () => {
    const run = await fixture.optimise();
    expect(run.status).toBe("done");
    const indexes = await definitions(fixture);
    for (const name of seeds) {
      expect(indexes.get(name)).toStartWith("CREATE INDEX");
      const action = actionOn(run.result, name);
      expect(action).toMatchObject({ outcome: "done", sizeBytes: expect.any(Number) });
      expect(action.durationMs).toBeGreaterThan(0);
      expect(action.query?.before.plan).not.toContain(name);
    }
    expect(actionOn(run.result, "conversations_updated_at_idx").query?.after.plan).toContain(
      "conversations_updated_at_idx",
    );
    for (const { name, servedBy } of requiredIndexes) {
      if (servedBy.length > 0 && !seeds.includes(name)) {
        const { outcome, detail } = actionOn(run.result, name);
        expect(outcome).toBe("unneeded");
        expect(detail).toContain("served by the wider");
        expect(indexes.has(name)).toBe(false);
      }
    }
    expect(actionOn(run.result, "users_email_idx").detail).toContain(
      "users_email_key (lower(email))",
    );
  });

  test("a second job finds nothing to do", async () => {
    await fixture.optimise();
    const before = await definitions(fixture);
    const again = await fixture.optimise();
    expect(outcomes(again.result)).toEqual([]);
    expect(await definitions(fixture)).toEqual(before);
  });

  test("indexes of the schema that are gone are built again, as the migrations made them", async () => {
    const before = await definitions(fixture);
    const own = requiredIndexes.filter(({ servedBy }) => servedBy.length === 0);
    expect(own.length).toBeGreaterThan(10);
    for (const { name } of own) await fixture.sql.unsafe(`drop index ${name}`);
    const { result } = await fixture.optimise();
    const after = await definitions(fixture);
    for (const { name } of own) {
      expect(actionOn(result, name).outcome).toBe("done");
      expect(after.get(name)).toBe(before.get(name));
    }
  });

  test("an invalid left-over is dropped and built again", async () => {
    await fixture.sql`update pg_index set indisvalid = false
      where indexrelid = 'messages_conversation_id_id_idx'::regclass`;
    await fixture.sql`create index users_created_at_idx on users (created_at)`;
    await fixture.sql`update pg_index set indisvalid = false, indisready = false
      where indexrelid = 'users_created_at_idx'::regclass`;
    const { result } = await fixture.optimise();
    for (const name of ["messages_conversation_id_id_idx", "users_created_at_idx"]) {
      expect(actionOn(result, name)).toMatchObject({
        outcome: "done",
        detail: expect.stringContaining("invalid left-over"),
      });
      expect((await definitions(fixture)).get(name)).toStartWith("CREATE INDEX");
    }
  });

  test("a name that something else has is left alone", async () => {
    await fixture.sql`create table users_created_at_idx (id int)`;
    await fixture.sql`create index users_last_login_at_idx on messages (finished_at)`;
    const { status, result } = await fixture.optimise();
    expect(status).toBe("done");
    expect(actionOn(result, "users_created_at_idx").outcome).toBe("failed");
    expect(actionOn(result, "users_last_login_at_idx").detail).toContain(
      "taken by an index on messages",
    );
    expect((await definitions(fixture)).get("users_last_login_at_idx")).toContain("messages");
  });

  test("a plan changes nothing, and names what the job then does", async () => {
    const before = await snapshot(fixture);
    const plan = await fixture.optimiser.plan();
    expect(await snapshot(fixture)).toBe(before);
    expect((await fixture.optimiser.state()).history).toEqual([]);
    const planned = outcomes(plan);
    expect(planned.length).toBeGreaterThan(5);
    const { result } = await fixture.optimise();
    expect(outcomes(result)).toEqual(planned.map(([name]) => [name ?? "", "done"]));
  });

  test("dead rows are vacuumed, and the planner's statistics are made fresh", async () => {
    await fixture.optimise();
    await fixture.sql`update messages set content = 'changed'`;
    await fixture.sql`select pg_stat_force_next_flush()`;
    const { result } = await fixture.optimise();
    expect(actionOn(result, "messages")).toMatchObject({
      outcome: "done",
      sql: "VACUUM (ANALYZE, TRUNCATE false) public.messages",
      detail: expect.stringContaining("dead rows"),
    });
    const [row] =
      await fixture.sql`select n_dead_tup from pg_stat_user_tables where relname = 'messages'`;
    expect(Number(row.n_dead_tup)).toBe(0);
  });

  test("settings are applied to this database alone, and undone by what it says", async () => {
    const { sql } = fixture;
    const [{ name }] = await sql`select quote_ident(current_database()) as name`;
    await sql.unsafe(`alter database ${name} set jit = on`);
    await sql.unsafe(`alter database ${name} set max_parallel_workers = 3`);
    const before = await snapshot(fixture, "relkind = 'r'");
    const everywhere = () => sql`select name, setting from pg_file_settings order by 1`;
    const global = [...(await everywhere())];
    const { result } = await fixture.optimise();
    const settings = result.actions.filter(
      (one) => one.step === "settings" && one.outcome === "done",
    );
    expect(settings.map((one) => one.name)).toEqual(
      expect.arrayContaining(["jit", "messages autovacuum", "pg_stat_statements"]),
    );
    const fresh = new SQL({ url: fixture.url, max: 1 });
    expect([...(await fresh`select current_setting('jit') as jit`)]).toEqual([{ jit: "off" }]);
    await fresh.close();
    expect([...(await everywhere())]).toEqual(global);
    for (const { undo } of settings) await sql.unsafe(undo ?? "");
    // What analysing and vacuuming count is no setting.
    const counted = /"(reltuples|relpages)":[^,}]+/g;
    expect((await snapshot(fixture, "relkind = 'r'")).replace(counted, "")).toBe(
      before.replace(counted, ""),
    );
    expect(result.actions.some(({ name }) => name.startsWith("enable_"))).toBe(false);
  });

  test("a setting that takes an administrator is advice", async () => {
    const { advice } = await fixture.optimiser.plan();
    expect(advice.find(({ name }) => name === "set.fsync")).toMatchObject({
      kind: "setting",
      applicable: false,
      sql: "ALTER SYSTEM SET fsync = 'on'",
    });
  });

  test("a missing index is advised with its proof, built by name, and not advised again", async () => {
    await fixture.sql`create extension pg_stat_statements`;
    if (isDebian) await fixture.sql`create extension hypopg`;
    await fixture.optimise();
    await runSlow(fixture, "select count(*) from messages where model = $1", "model-7");
    const { advice } = await fixture.optimiser.plan();
    const missing = advice.find(({ name }) => name === "create-index.messages_model_advised_idx");
    expect(missing).toMatchObject({
      kind: "missing_index",
      confidence: "proven",
      applicable: true,
      evidence: expect.stringContaining(isDebian ? "HypoPG" : "shadow"),
    });
    const run = await fixture.optimiser.apply("create-index.messages_model_advised_idx");
    expect(run).toMatchObject({ kind: "apply", status: "running" });
    await fixture.optimiser.ended();
    expect((await definitions(fixture)).get("messages_model_advised_idx")).toContain("(model)");
    expect(await fixture.optimiser.apply("create-index.messages_model_advised_idx")).toBe(
      "applied",
    );
    expect(await fixture.optimiser.apply("create-index.nothing")).toBe("unknown");
    expect(await fixture.optimiser.apply("'; drop table users; --")).toBe("unknown");
  });

  test("an index that would not help is not advised", async () => {
    await fixture.sql`create extension pg_stat_statements`;
    if (isDebian) await fixture.sql`create extension hypopg`;
    await fixture.optimise();
    // All rows have this status: reading the whole table is the best that can be done.
    await runSlow(fixture, "select count(content) from messages where status = $1", "complete");
    const { advice } = await fixture.optimiser.plan();
    expect(advice.filter(({ kind }) => kind === "missing_index")).toEqual([]);
  });

  test.if(isDebian)(
    "without HypoPG on an old Postgres a missing index is a guess, and says so",
    async () => {
      await fixture.sql`create extension pg_stat_statements`;
      await fixture.optimise();
      await runSlow(fixture, "select count(*) from messages where model = $1", "model-7");
      const { advice, notes } = await fixture.optimiser.plan();
      expect(advice.find(({ kind }) => kind === "missing_index")?.confidence).toBe("guess");
      expect(notes.join()).toContain("HypoPG is not installed");
      expect(advice.find(({ name }) => name === "install.hypopg")).toMatchObject({
        applicable: true,
      });
    },
  );

  test("duplicate, invalid and unused indexes are advised against, dropped by name, and stay away", async () => {
    const { sql } = fixture;
    await fixture.optimise();
    await sql`create index extra_duplicate on messages (conversation_id)`;
    await sql`create index extra_invalid on messages (finished_at)`;
    await sql`update pg_index set indisvalid = false where indexrelid = 'extra_invalid'::regclass`;
    const { advice } = await fixture.optimiser.plan();
    const kinds = new Map(advice.map(({ name, kind }) => [name, kind]));
    expect(kinds.get("drop-index.extra_duplicate")).toBe("duplicate_index");
    expect(kinds.get("drop-index.extra_invalid")).toBe("invalid_index");
    expect(kinds.get("drop-index.users_last_login_at_idx")).toBe("unused_index");
    for (const { name } of requiredIndexes.filter(({ servedBy }) => servedBy.length === 0)) {
      expect(kinds.has(`drop-index.${name}`)).toBe(false);
    }
    for (const name of ["extra_duplicate", "extra_invalid", "users_last_login_at_idx"]) {
      await fixture.optimiser.apply(`drop-index.${name}`);
      await fixture.optimiser.ended();
      expect((await definitions(fixture)).has(name)).toBe(false);
    }
    const { result } = await fixture.optimise();
    expect(actionOn(result, "users_last_login_at_idx").detail).toContain(
      "an administrator dropped it",
    );
  });

  test("what other people keep in the database is neither touched nor told of", async () => {
    const { sql } = fixture;
    await sql`create schema others`;
    for (const table of ["others.messages", "public.theirs"]) {
      await sql.unsafe(`create table ${table} as select i as id, i % 7 as kind, repeat('x', 100) as content
        from generate_series(1, 5000) as i`);
      await sql.unsafe(`create index on ${table} (id)`);
      await sql.unsafe(`create index on ${table} (id)`);
      await sql.unsafe(`update ${table} set kind = 1`);
    }
    await sql`update pg_index set indisvalid = false where indexrelid = 'theirs_id_idx'::regclass`;
    const theirs = "(relnamespace = 'others'::regnamespace or relname like 'theirs%')";
    const read = () =>
      sql.unsafe(`select relname, relfilenode, reloptions, reltuples, relpages,
      pg_stat_get_last_vacuum_time(oid) as vacuumed, pg_stat_get_last_analyze_time(oid) as analysed
      from pg_class where ${theirs} order by relname, oid`);
    const before = JSON.stringify([...(await read())]);
    const { result } = await fixture.optimise();
    expect(JSON.stringify([...(await read())])).toBe(before);
    expect(JSON.stringify(result)).not.toMatch(/theirs|others/);
    expect(JSON.stringify((await fixture.optimiser.overview()).tables)).not.toMatch(
      /theirs|others/,
    );
  });

  test("a role without rights is told what it may not do, step by step", async () => {
    const { sql } = fixture;
    const role = `limited_${Date.now()}`;
    await sql.unsafe(`create role ${role} login password 'limited'`);
    await sql.unsafe(
      `grant select, insert, update, delete on all tables in schema public to ${role}`,
    );
    await sql`update messages set content = 'changed'`;
    await sql`select pg_stat_force_next_flush()`;
    const url = fixture.url.replace(/\/\/[^@]*@/, `//${role}:limited@`);
    const limited = fixture.open({ url });
    try {
      const run = await limited.start("administrator");
      if (run === "already_running") throw new Error("a job is running");
      await limited.ended();
      const [ended] = (await limited.state()).history;
      expect(ended).toMatchObject({ status: "done", error: null });
      const result = ended?.result as OptimiserResult;
      for (const name of [...seeds, "messages", "messages autovacuum"]) {
        expect(actionOn(result, name)).toMatchObject({
          outcome: "not_permitted",
          detail: expect.stringContaining(`the role ${role} may not`),
        });
      }
      expect(outcomes(result).filter(([, outcome]) => outcome === "failed")).toEqual([]);
      for (const { applicable, kind } of result.advice) {
        if (kind !== "long_transaction") expect(applicable).toBe(false);
      }
      expect((await limited.overview()).tables.length).toBeGreaterThan(5);
      expect([...(await definitions(fixture)).keys()]).not.toContain(seeds[0]);
    } finally {
      await limited.close();
      await sql.unsafe(`drop owned by ${role}`);
      await sql.unsafe(`drop role ${role}`);
    }
  });

  test("of several that start at once, one works", async () => {
    const others = [fixture.open(), fixture.open(), fixture.open()];
    const begun = await Promise.all(others.map((optimiser) => optimiser.start("administrator")));
    expect(begun.filter((run) => run !== "already_running")).toHaveLength(1);
    await Promise.all(others.map((optimiser) => optimiser.ended()));
    const { running, history } = await fixture.optimiser.state();
    expect(running).toBeNull();
    expect(history.map(({ status }) => status)).toEqual(["done"]);
    expect((await fixture.optimise()).status).toBe("done");
  });

  test("the routine is run once a night, whoever comes first, and gives no advice", async () => {
    const first = await fixture.optimiser.startRoutine(60_000);
    await fixture.optimiser.ended();
    expect(first).toMatchObject({ trigger: "schedule" });
    const { history } = await fixture.optimiser.state();
    expect(history[0]?.result?.actions.map(({ step }) => step)).not.toContain("settings");
    expect(history[0]?.result?.advice).toEqual([]);
    expect(await fixture.open().startRoutine(60_000)).toBeNull();
    expect(await fixture.open().startRoutine(0)).toMatchObject({ status: "running" });
  });

  test("the overview tells connections, sizes, rows and statements", async () => {
    await fixture.optimise();
    await fixture.sql`select count(*) from messages`;
    const overview = await fixture.optimiser.overview();
    const messages = overview.tables.find(({ name }) => name === "messages");
    expect(messages).toMatchObject({
      rowsAlive: 10_000,
      lastAnalyzeAt: expect.stringMatching(/Z$/),
    });
    expect(messages?.sizeBytes).toBeGreaterThan(1_000_000);
    expect(overview.connections.used).toBeGreaterThan(0);
    expect(overview.statementKinds?.map(({ kind }) => kind)).toContain("select");
    expect(overview.replication).toEqual({ isReplica: false, lagMs: null, replicas: [] });
    expect(overview.version).toStartWith(isDebian ? "15." : "18.");
  });
});
