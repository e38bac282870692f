import { afterAll, afterEach, beforeAll, beforeEach } from "bun:test";
import type { OptimiserAction, OptimiserResult, OptimiserRun } from "@peregrine/protocol";
import { SQL } from "bun";
import { type Optimiser, type OptimiserOptions, openOptimiser } from "../optimiser/optimiser.ts";
import { hasDebianPostgres, startDebianPostgres } from "./debian-postgres.ts";
import { createTestDatabase, type TestDatabase, type TestPostgres } from "./index.ts";

/** The Postgres that tests of the optimiser run on. */
export const engines: [name: string, start: (() => Promise<TestPostgres>) | undefined][] = [
  ["the embedded Postgres", undefined],
];
if (hasDebianPostgres) engines.push(["Debian's Postgres 15", startDebianPostgres]);

export type OptimiserFixture = {
  url: string;
  /** A superuser's. */
  sql: SQL;
  optimiser: Optimiser;
  open(options?: Partial<OptimiserOptions>): Optimiser;
  /** Runs a job to its end. */
  optimise(): Promise<OptimiserRun & { result: OptimiserResult }>;
  /** A connection of its own, with a transaction open in which this was run. */
  hold(statement: string): Promise<{ pid: number; release(): Promise<void> }>;
};

/** Gives each test a database of its own with a few thousand messages, and an optimiser on it. */
export function useOptimiser(start?: () => Promise<TestPostgres>): OptimiserFixture {
  let postgres: TestPostgres | undefined;
  let keeper: TestDatabase | undefined;
  let test: TestDatabase;
  let opened: Optimiser[] = [];
  let held: SQL[] = [];
  const fixture = {
    open(options) {
      const { limits, ...rest } = options ?? {};
      const optimiser = openOptimiser({
        url: fixture.url,
        limits: { pollMs: 10, retryMs: 10, unusedAfterMs: 0, leastBytes: 8192, ...limits },
        ...rest,
      });
      opened.push(optimiser);
      return optimiser;
    },
    async optimise() {
      const run = await fixture.optimiser.start("administrator");
      if (run === "already_running") throw new Error("a job is running");
      await fixture.optimiser.ended();
      return endOf(fixture.optimiser, run);
    },
    async hold(statement) {
      const sql = new SQL({ url: fixture.url, max: 1 });
      held.push(sql);
      await sql.unsafe("begin");
      await sql.unsafe(statement);
      const [row] = await sql.unsafe("select pg_backend_pid() as pid");
      return {
        pid: row.pid,
        async release() {
          await sql.unsafe("commit");
        },
      };
    },
  } as OptimiserFixture;
  beforeAll(async () => {
    if (start) postgres = await start();
    // Keeps the shared Postgres running between two tests.
    else keeper = await createTestDatabase();
  });
  beforeEach(async () => {
    test = await createTestDatabase(postgres);
    fixture.url = test.url;
    fixture.sql = new SQL({ url: test.url, max: 1 });
    await fill(fixture.sql);
    fixture.optimiser = fixture.open();
  });
  afterEach(async () => {
    await Promise.all(held.map((sql) => sql.close({ timeout: 0 })));
    await Promise.all(opened.map((optimiser) => optimiser.close()));
    await fixture.sql.close();
    await test.drop();
    opened = [];
    held = [];
  });
  afterAll(async () => {
    await keeper?.drop();
    await postgres?.stop();
  });
  return fixture;
}

/** 20 people, 200 conversations, 10,000 messages over a hundred days. */
async function fill(sql: SQL): Promise<void> {
  await sql.unsafe(`insert into users (id, email, name, role, password_hash, created_at)
    select gen_random_uuid(), 'user' || i || '@example.org', 'Ada', 'user', 'hash', now() - i * interval '1 day'
    from generate_series(1, 20) as i`);
  await sql.unsafe(`insert into conversations (id, user_id, title)
    select gen_random_uuid(), id, 'Title ' || i from users, generate_series(1, 10) as i`);
  await sql.unsafe(`insert into messages (id, conversation_id, user_id, role, content, status, model, created_at)
    select gen_random_uuid(), conversations.id, user_id, 'user', repeat('words ', 30), 'complete', 'model-' || i % 50,
      now() - interval '100 days' + i * interval '2 days'
    from generate_series(1, 50) as i, conversations`);
  await sql`select pg_stat_force_next_flush()`;
}

export async function endOf(
  optimiser: Optimiser,
  { id }: { id: string },
): Promise<OptimiserRun & { result: OptimiserResult }> {
  const run = (await optimiser.state()).history.find((one) => one.id === id);
  if (!run?.result) throw new Error(`the job did not end: ${JSON.stringify(run)}`);
  return { ...run, result: run.result };
}

export function actionOn(result: OptimiserResult, name: string): OptimiserAction {
  const action = result.actions.find((one) => one.name === name);
  if (!action) throw new Error(`nothing was done about ${name}`);
  return action;
}

/** Waits for what comes true by itself. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited 20 s for ${what}`);
    await Bun.sleep(25);
  }
}
