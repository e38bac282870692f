import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { findAccount } from "../embedded/account.ts";
import { createTestDatabase, startTestPostgres } from "../testing/index.ts";
import {
  actionOn,
  endOf,
  engines,
  eventually,
  type OptimiserFixture,
  useOptimiser,
} from "../testing/use-optimiser.ts";
import { type Optimiser, openOptimiser } from "./optimiser.ts";

const lockTable =
  "insert into users (id, email, name, role, password_hash) values (gen_random_uuid(), 'held@example.org', 'Held', 'user', 'hash')";

async function begin(optimiser: Optimiser): Promise<{ id: string }> {
  const run = await optimiser.start("administrator");
  if (run === "already_running") throw new Error("a job is running");
  return run;
}

/** Waits until a job tells that a session holds it up. */
function untilBlockedBy(optimiser: Optimiser, pid: number) {
  return eventually(`the job to name session ${pid}`, async () => {
    const { running } = await optimiser.state();
    return running?.progress?.blockedBy.some((session) => session.pid === pid) && running;
  });
}

async function invalidIndexes({ sql }: OptimiserFixture): Promise<string[]> {
  const rows = await sql`select indexrelid::regclass::text as name from pg_index
    where not indisvalid or not indisready`;
  return rows.map((row: { name: string }) => row.name);
}

describe.each(engines)("on %s", (_, start) => {
  const fixture = useOptimiser(start);

  test("a session that holds the table is named, and holds up the build but no reads and writes", async () => {
    const holder = await fixture.hold(lockTable);
    const run = await begin(fixture.optimiser);
    const blocked = await untilBlockedBy(fixture.optimiser, holder.pid);
    expect(blocked.progress).toMatchObject({ step: "indexes" });
    expect(blocked.progress?.detail).toContain("users_created_at_idx");
    expect(blocked.progress?.blockedBy[0]).toMatchObject({
      user: "peregrine",
      state: "idle in transaction",
    });
    const { sql } = fixture;
    await sql`set statement_timeout = '2s'`;
    await sql`insert into users (id, email, name, role, password_hash)
      values (gen_random_uuid(), 'new@example.org', 'New', 'user', 'hash')`;
    await sql`update users set last_login_at = now() where email = 'new@example.org'`;
    await sql`delete from users where email = 'new@example.org'`;
    await holder.release();
    await fixture.optimiser.ended();
    const { status, result } = await endOf(fixture.optimiser, run);
    expect(status).toBe("done");
    expect(actionOn(result, "users_created_at_idx").outcome).toBe("done");
    expect(await invalidIndexes(fixture)).toEqual([]);
  });

  test("an old transaction on another table holds up the last phase, and is named", async () => {
    const holder = await fixture.hold(
      "create temporary table other as select txid_current(); declare kept cursor for select * from conversations",
    );
    const run = await begin(fixture.optimiser);
    await untilBlockedBy(fixture.optimiser, holder.pid);
    await holder.release();
    await fixture.optimiser.ended();
    expect((await endOf(fixture.optimiser, run)).status).toBe("done");
  });

  test("a budget that is spent ends the build, names who held it up, and leaves nothing half-built", async () => {
    const holder = await fixture.hold(lockTable);
    const impatient = fixture.open({ limits: { blockedMs: 200, cleanUpBlockedMs: 100 } });
    const run = await begin(impatient);
    await impatient.ended();
    const { status, result } = await endOf(impatient, run);
    expect(status).toBe("done");
    for (const name of ["users_created_at_idx", "users_last_login_at_idx"]) {
      const { outcome, detail } = actionOn(result, name);
      expect(outcome).toBe("blocked");
      expect(detail).toContain(`session ${holder.pid}`);
    }
    // The others were built: one table that is held does not stop the job.
    expect(actionOn(result, "conversations_updated_at_idx").outcome).toBe("done");
    await holder.release();
    const again = await fixture.optimise();
    expect(actionOn(again.result, "users_created_at_idx").outcome).toBe("done");
    expect(await invalidIndexes(fixture)).toEqual([]);
  });

  test("a job cancelled from another server ends what it runs, clears away and says so", async () => {
    const holder = await fixture.hold(lockTable);
    const run = await begin(fixture.optimiser);
    await untilBlockedBy(fixture.optimiser, holder.pid);
    expect(await fixture.open().cancel()).toBe(true);
    // It may not clear away before the holder lets go.
    await eventually("the build to be ended", async () => {
      const [row] = await fixture.sql`select count(*)::int as n from pg_stat_activity
        where query like 'CREATE INDEX%' and state = 'active' and datname = current_database()`;
      return row.n === 0;
    });
    await holder.release();
    await fixture.optimiser.ended();
    const { status, error } = await endOf(fixture.optimiser, run);
    expect([status, error]).toEqual(["cancelled", null]);
    expect(await invalidIndexes(fixture)).toEqual([]);
    expect(await fixture.optimiser.cancel()).toBe(false);
    expect((await fixture.optimise()).status).toBe("done");
  });

  test("a killed backend costs an attempt and not the job", async () => {
    const holder = await fixture.hold(lockTable);
    const run = await begin(fixture.optimiser);
    await untilBlockedBy(fixture.optimiser, holder.pid);
    const [row] =
      await fixture.sql`select pid, pg_terminate_backend(pid) as ended from pg_stat_activity
      where query like 'CREATE INDEX%' and datname = current_database()`;
    expect(row.ended).toBe(true);
    await eventually("another backend to take it up", async () => {
      const [next] = await fixture.sql`select pid from pg_stat_activity
        where (query like 'CREATE INDEX%' or query like 'DROP INDEX%') and state = 'active'
          and datname = current_database()`;
      return next && next.pid !== row.pid;
    });
    await holder.release();
    await fixture.optimiser.ended();
    const { status, result } = await endOf(fixture.optimiser, run);
    expect(status).toBe("done");
    expect(actionOn(result, "users_created_at_idx").outcome).toBe("done");
    expect(await invalidIndexes(fixture)).toEqual([]);
  });

  test("the lock's own backend may be killed too: the job takes it again", async () => {
    const holder = await fixture.hold(lockTable);
    const run = await begin(fixture.optimiser);
    await untilBlockedBy(fixture.optimiser, holder.pid);
    await fixture.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'peregrine optimiser' and datname = current_database()`;
    await holder.release();
    await fixture.optimiser.ended();
    expect((await endOf(fixture.optimiser, run)).status).toBe("done");
    expect(await invalidIndexes(fixture)).toEqual([]);
  });

  test("a server killed in the middle leaves a job that counts as interrupted, and the next one mends", async () => {
    const holder = await fixture.hold(lockTable);
    const script = join(import.meta.dir, "../testing/run-optimiser.ts");
    const child = Bun.spawn([process.execPath, script, fixture.url], {
      stdout: "pipe",
      stderr: "inherit",
    });
    await untilBlockedBy(fixture.optimiser, holder.pid);
    expect(await fixture.optimiser.start("administrator")).toBe("already_running");
    child.kill("SIGKILL");
    await child.exited;
    const interrupted = await eventually("the job to be free", async () => {
      const { running, history } = await fixture.optimiser.state();
      return !running && history[0];
    });
    expect(interrupted.status).toBe("interrupted");
    await holder.release();
    // Its backend notices within seconds that nobody listens; until then the index is being built.
    await eventually("its backend to end", async () => {
      const [row] = await fixture.sql`select count(*)::int as n from pg_stat_activity
        where application_name = 'peregrine optimiser' and datname = current_database()`;
      return row.n === 0;
    });
    expect((await fixture.optimise()).status).toBe("done");
    expect(await invalidIndexes(fixture)).toEqual([]);
    const { history } = await fixture.optimiser.state();
    expect(history.map(({ status }) => status)).toEqual(["done", "interrupted"]);
  });

  test("a database that takes no writes is unavailable for a job, can still be looked at, and comes back", async () => {
    const { sql } = fixture;
    const [{ name }] = await sql`select quote_ident(current_database()) as name`;
    await sql.unsafe(`alter database ${name} set default_transaction_read_only = on`);
    const reader = fixture.open();
    const refused = await reader.start("administrator").catch((error) => error);
    expect(refused).toMatchObject({ code: "read_only" });
    expect((await reader.plan()).actions.length).toBeGreaterThan(10);
    expect((await reader.overview()).tables.length).toBeGreaterThan(5);
    await sql.unsafe(`alter database ${name} reset default_transaction_read_only`);
    const run = await begin(fixture.open());
    await eventually("its end", async () =>
      (await fixture.optimiser.state()).history.find(
        ({ id, status }) => id === run.id && status === "done",
      ),
    );
  });
});

test("a Postgres that crashes in the middle costs an attempt, and the job's state is true", async () => {
  const postgres = await startTestPostgres();
  const database = await createTestDatabase(postgres);
  const optimiser = openOptimiser({ url: database.url, limits: { pollMs: 10, retryMs: 10 } });
  const holder = new SQL({ url: database.url, max: 1 });
  try {
    await holder.unsafe(`begin; ${lockTable}`);
    const [{ pid }] = await holder`select pg_backend_pid() as pid`;
    const run = await begin(optimiser);
    await untilBlockedBy(optimiser, pid);
    process.kill(pid, "SIGKILL");
    await optimiser.ended();
    const { status, result } = await eventually("the state", () =>
      endOf(optimiser, run).catch(() => null),
    );
    expect(status).toBe("done");
    expect(actionOn(result, "users_created_at_idx").outcome).toBe("done");
  } finally {
    await holder.close({ timeout: 0 });
    await optimiser.close();
    await database.drop();
    await postgres.stop();
  }
});

/** Mounts a file system of two megabytes. @returns null where this process may not */
async function mountSmall(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  const directory = mkdtempSync(join(tmpdir(), "peregrine-small-"));
  const mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", directory];
  if ((await Bun.spawn(mount, { stderr: "ignore" }).exited) === 0) return directory;
  rmdirSync(directory);
  return null;
}

async function unmount(directory: string): Promise<void> {
  await Bun.spawn(["umount", directory]).exited;
  rmdirSync(directory);
}

const tried = await mountSmall();
if (tried !== null) await unmount(tried);

describe.if(tried !== null)("with a disk that is full", () => {
  const fixture = useOptimiser();

  test("the build fails, says why, leaves nothing, and the job goes on", async () => {
    const account = await findAccount(null);
    const directory = (await mountSmall()) ?? "";
    chownSync(directory, account?.uid ?? 0, account?.gid ?? 0);
    chmodSync(directory, 0o700);
    const { sql } = fixture;
    const [{ name }] = await sql`select quote_ident(current_database()) as name`;
    await sql.unsafe(`create tablespace small location '${directory}'`);
    try {
      // More keys than fit into two megabytes.
      await sql`insert into users (id, email, name, role, password_hash, created_at)
        select gen_random_uuid(), 'many' || i || '@example.org', 'Many', 'user', 'hash', now() - i * interval '1 ms'
        from generate_series(1, 150000) as i`;
      await sql.unsafe(`alter database ${name} set default_tablespace = small`);
      const optimiser = fixture.open();
      const run = await begin(optimiser);
      await optimiser.ended();
      const { status, result } = await endOf(optimiser, run);
      expect(status).toBe("done");
      const { outcome, detail } = actionOn(result, "users_created_at_idx");
      expect(outcome).toBe("failed");
      expect(detail).toContain("no disk space left");
      expect(actionOn(result, "conversations_updated_at_idx").outcome).toBe("done");
      expect(await invalidIndexes(fixture)).toEqual([]);
      await sql`insert into users (id, email, name, role, password_hash)
        values (gen_random_uuid(), 'after@example.org', 'After', 'user', 'hash')`;
      await sql.unsafe(`alter database ${name} reset default_tablespace`);
      const roomy = fixture.open();
      const again = await begin(roomy);
      await roomy.ended();
      expect(actionOn((await endOf(roomy, again)).result, "users_created_at_idx").outcome).toBe(
        "done",
      );
    } finally {
      await sql.unsafe(`alter database ${name} reset default_tablespace`);
      const left = await sql`select indexrelid::regclass::text as name from pg_index
        join pg_class on oid = indexrelid
        where reltablespace = (select oid from pg_tablespace where spcname = 'small')`;
      for (const { name: index } of left) await sql.unsafe(`drop index ${index}`);
      await sql`drop tablespace small`;
      await unmount(directory);
    }
  });
});
