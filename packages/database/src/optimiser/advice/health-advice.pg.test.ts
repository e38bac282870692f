import { expect, test } from "bun:test";
import { startTestPostgres } from "../../testing/index.ts";
import { eventually, useOptimiser } from "../../testing/use-optimiser.ts";

/** The least age that Postgres allows at which ids are frozen. */
const freezeAge = 100_000;

const fixture = useOptimiser(() =>
  startTestPostgres({
    autovacuum_freeze_max_age: String(freezeAge),
    max_prepared_transactions: "2",
  }),
);

const plan = async (options?: Parameters<typeof fixture.open>[0]) => {
  const optimiser = options ? fixture.open(options) : fixture.optimiser;
  return (await optimiser.plan()).advice;
};
const named = async (name: string, options?: Parameters<typeof fixture.open>[0]) =>
  (await plan(options)).find((advice) => advice.name === name);

async function apply(name: string): Promise<void> {
  const run = await fixture.optimiser.apply(name);
  expect(run).toMatchObject({ status: "running" });
  await fixture.optimiser.ended();
}

/** Rows that no compression makes smaller, of 1.5 kB each, in a table without other costs. */
async function fillAuditLog(rows: number): Promise<void> {
  await fixture.sql.unsafe(`insert into audit_log (id, user_id, user_name, action, subject, result)
    select gen_random_uuid(), gen_random_uuid(), 'Ada', 'action', (
      select string_agg(md5(i::text || j::text), '') from generate_series(1, 45) as j
    ), 'done' from generate_series(1, ${rows}) as i`);
}

test("a table and its indexes that are mostly room are told of, and an index is made anew", async () => {
  const { sql } = fixture;
  await fillAuditLog(4_000);
  await sql`vacuum (analyze) audit_log`;
  const before = (await plan()).filter(({ kind }) => kind === "bloat");
  expect(before.map(({ name }) => name).filter((name) => name.includes("audit_log"))).toEqual([]);

  // What is left stands on every page, so that vacuuming can give back none.
  await sql`delete from audit_log using (
      select ctid as place, row_number() over (order by ctid) % 5 as fifth from audit_log
    ) as numbered where audit_log.ctid = place and fifth <> 0`;
  await sql`vacuum (analyze) audit_log`;
  expect(await named("rewrite-table.audit_log")).toMatchObject({
    kind: "bloat",
    applicable: false,
    evidence: expect.stringMatching(/^It takes \d+.* would need \d+/),
  });
  const index = "rebuild-index.audit_log_pkey";
  expect(await named(index)).toMatchObject({ kind: "bloat", applicable: true });
  const size = async () => {
    const [row] = await sql`select pg_relation_size('audit_log_pkey')::int as bytes`;
    return row.bytes as number;
  };
  const large = await size();
  await apply(index);
  expect(await size()).toBeLessThan(large / 2);
  expect(await named(index)).toBeUndefined();
});

test("a sequence is told of when half of its numbers are gone, by what its column can hold", async () => {
  const { sql } = fixture;
  await sql`select setval('metric_servers_id_seq', 1000000000)`;
  expect(await named("widen-sequence.metric_servers_id_seq")).toBeUndefined();
  await sql`select setval('metric_servers_id_seq', 1500000000)`;
  expect(await named("widen-sequence.metric_servers_id_seq")).toMatchObject({
    kind: "sequence",
    summary: "metric_servers_id_seq has used 70 % of its numbers",
    applicable: false,
  });
});

test("a transaction that stays open is told of, and ended by name", async () => {
  const soon = { limits: { longTransactionMs: 50 } };
  const tooLong = async () =>
    (await plan(soon)).filter(({ kind }) => kind === "long_transaction").map(({ name }) => name);
  expect(await tooLong()).toEqual([]);
  const { pid } = await fixture.hold("select count(*) from messages");
  const [name] = await eventually("the session to be told of", async () => {
    const names = await tooLong();
    return names.length > 0 && names;
  });
  expect(name).toStartWith(`end-session.${pid}.`);
  // As it is, five minutes are allowed, so that the advice does not hold.
  expect(await named(name ?? "")).toBeUndefined();
  const optimiser = fixture.open(soon);
  await optimiser.apply(name ?? "");
  await optimiser.ended();
  const { sql } = fixture;
  await eventually("the session to end", async () => {
    return (await sql`select 1 from pg_stat_activity where pid = ${pid}`).length === 0;
  });
  expect(await tooLong()).toEqual([]);
});

test("a prepared transaction that nobody ends is told of", async () => {
  const { sql } = fixture;
  await sql.unsafe("begin; select pg_current_xact_id(); prepare transaction 'it''s forgotten'");
  const name = "look-at-prepared-transaction.it's forgotten";
  const found = await eventually("the transaction to be told of", () =>
    named(name, { limits: { longTransactionMs: 1 } }),
  );
  expect(found).toMatchObject({ kind: "long_transaction", applicable: false });
  expect(await named(name)).toBeUndefined();
  await sql.unsafe(found.sql ?? "");
  expect(await named(name, { limits: { longTransactionMs: 1 } })).toBeUndefined();
});

test("a table that is read from outside of memory is told of", async () => {
  const { sql } = fixture;
  const name = "more-memory.audit_log.table";
  const counted = async () => {
    await sql`select pg_stat_force_next_flush()`;
    return named(name);
  };
  // 60 MB, beside 32 MB of shared buffers. What is read of it at once is not kept there.
  await fillAuditLog(40_000);
  await sql`vacuum analyze audit_log`;
  await sql`select pg_stat_reset()`;
  expect(await counted()).toBeUndefined();
  for (let i = 0; i < 3; i++) await sql`select count(*) from audit_log where subject = 'nothing'`;
  expect(await counted()).toMatchObject({
    kind: "cache_hit",
    evidence: expect.stringMatching(/^\d+ % of reads were answered by shared_buffers/),
  });
  expect(await named("more-memory.users.table")).toBeUndefined();
});

test("dead rows that autovacuum leaves are told of, and vacuumed by name", async () => {
  const { sql } = fixture;
  await sql`analyze messages`;
  expect(await named("vacuum.messages")).toBeUndefined();
  await sql`delete from messages where model in ('model-1', 'model-2', 'model-3', 'model-4',
    'model-5', 'model-6', 'model-7', 'model-8', 'model-9', 'model-10')`;
  await sql`select pg_stat_force_next_flush()`;
  expect(await named("vacuum.messages")).toMatchObject({
    kind: "autovacuum",
    evidence: expect.stringMatching(/^2000 dead rows; autovacuum should begin at \d+\.$/),
  });
  await apply("vacuum.messages");
  expect(await named("vacuum.messages")).toBeUndefined();
});

test("a table that autovacuum passes by is told of, and taken up again by name", async () => {
  const { sql } = fixture;
  expect(await named("enable-autovacuum.sessions")).toBeUndefined();
  await sql`alter table sessions set (autovacuum_enabled = false)`;
  expect(await named("enable-autovacuum.sessions")).toMatchObject({ kind: "autovacuum" });
  await apply("enable-autovacuum.sessions");
  const [row] = await sql`select reloptions from pg_class where relname = 'sessions'`;
  expect(String(row.reloptions)).not.toContain("autovacuum_enabled");
  expect(await named("enable-autovacuum.sessions")).toBeUndefined();
});

// The last one: old ids make Postgres vacuum on its own in every database from here on.
test("ids of transactions that grow old are told of", async () => {
  const { sql } = fixture;
  expect(await named("freeze.transaction")).toBeUndefined();
  // Autovacuum would freeze them even where it is off, but not what an open transaction may see.
  const holder = await fixture.hold("select pg_current_xact_id()");
  await sql.unsafe(`do $$ begin
    for i in 1..${freezeAge + 1_000} loop perform pg_current_xact_id(); commit; end loop;
  end $$`);
  expect(await named("freeze.transaction")).toMatchObject({ kind: "transaction_ids" });
  expect(await named("freeze.multixact")).toBeUndefined();
  await holder.release();
});
