import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { DatabaseError, DatabaseUnavailableError, PoolTimeoutError } from "./errors.ts";
import { Pool, type PoolOptions, type QueryInfo } from "./pool.ts";
import { read, write } from "./statement.ts";
import { createTestDatabase, type TestDatabase } from "./testing/index.ts";

const sleep = read<{ seconds: number }, never>("sleep", "select pg_sleep(:seconds::float8)");
const one = read<Record<never, never>, { one: number }>("one", "select 1 as one");
const text = read<{ text: string }, { text: string }>("text", "select :text::text as text");
const untilUnlocked = read<Record<never, never>, never>(
  "untilUnlocked",
  "select pg_advisory_xact_lock_shared(1)",
);
const ownPid = read<Record<never, never>, { pid: number }>("pid", "select pg_backend_pid() as pid");

let database: TestDatabase;
let admin: SQL;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new SQL({ url: database.url, max: 1 });
});

afterAll(async () => {
  await admin.close();
  await database.drop();
});

async function withPool(
  options: Omit<PoolOptions, "url" | "on">,
  work: (pool: Pool, sent: QueryInfo[]) => Promise<void>,
): Promise<void> {
  const sent: QueryInfo[] = [];
  const on = { query: (info: QueryInfo) => void sent.push(info) };
  const pool = new Pool({ url: database.url, ...options, on });
  try {
    await work(pool, sent);
  } finally {
    await pool.close(0);
  }
}

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error: DatabaseError) => error.code,
  );

test("a statement that finds no connection in time says so", async () => {
  await withPool({ poolSize: 1, maxOverflow: 0, poolTimeoutMs: 100 }, async (pool) => {
    await admin`select pg_advisory_lock(1)`;
    const slow = pool.run(untilUnlocked, {});
    const error = await pool.run(one, {}).catch((e) => e);
    expect(error).toBeInstanceOf(PoolTimeoutError);
    expect(error.message).toContain("all 1 are busy");
    await admin`select pg_advisory_unlock(1)`;
    await slow;
    expect(await pool.run(one, {})).toHaveLength(1);
  });
});

test("those who wait are served in their order, and the state tells of them", async () => {
  await withPool({ poolSize: 1, maxOverflow: 0 }, async (pool, sent) => {
    await pool.run(one, {});
    const first = pool.run(sleep, { seconds: 0.05 });
    const rest = ["a", "b", "c"].map((value) => pool.run(text, { text: value }));
    expect(pool.state).toEqual({ active: 1, waiting: 3, size: 1 });
    expect((await Promise.all(rest)).map((rows) => rows[0]?.text)).toEqual(["a", "b", "c"]);
    await first;
    expect(pool.state).toEqual({ active: 0, waiting: 0, size: 1 });
    expect(sent.at(-1)?.waitMs).toBeGreaterThan(30);
  });
});

test("slow statements on all connections open the overflow, a burst of short ones does not", async () => {
  const connections = async () => {
    const [row] = await admin`select count(*)::int as n from pg_stat_activity
      where application_name = 'peregrine' and datname = current_database()`;
    return row.n as number;
  };
  // On a busy machine even the last of a burst may wait for 50 ms.
  await withPool({ poolSize: 2, maxOverflow: 3, overflowAfterMs: 30_000 }, async (pool) => {
    await Promise.all(Array.from({ length: 200 }, () => pool.run(one, {})));
    expect(await connections()).toBeLessThanOrEqual(2);
  });
  await withPool({ poolSize: 2, maxOverflow: 3 }, async (pool, sent) => {
    await admin`select pg_advisory_lock(1)`;
    const slow = [1, 2].map(() => pool.run(untilUnlocked, {}));
    // Both connections are taken until the lock is given back: this comes by another one.
    await pool.run(one, {});
    expect(sent.map(({ name, waitMs }) => [name, waitMs >= 50])).toEqual([["one", true]]);
    await admin`select pg_advisory_unlock(1)`;
    await Promise.all(slow);
  });
});

test("a slow statement delays no other while a connection is free", async () => {
  await withPool({ poolSize: 4, maxOverflow: 0 }, async (pool) => {
    await admin`select pg_advisory_lock(1)`;
    const slow = pool.run(untilUnlocked, {});
    for (let round = 0; round < 50; round++) {
      await Promise.all([1, 2, 3].map(() => pool.run(one, {})));
    }
    await admin`select pg_advisory_unlock(1)`;
    await slow;
  });
});

test("comes back by itself after all its backends were killed", async () => {
  await withPool({ poolSize: 5, maxOverflow: 0 }, async (pool) => {
    await Promise.all(Array.from({ length: 5 }, () => pool.run(sleep, { seconds: 0.01 })));
    const kill = async () => {
      const rows = await admin`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'peregrine' and datname = current_database()`;
      expect(rows.length).toBeGreaterThan(0);
    };
    for (let round = 0; round < 5; round++) {
      await kill();
      const reads = Array.from({ length: 10 }, () => outcome(pool.run(ownPid, {})));
      expect(await Promise.all(reads)).toEqual(Array(10).fill("done"));
    }
  });
});

test("a read whose backend is killed in the middle is sent again, a write is not", async () => {
  await withPool({ poolSize: 1, maxOverflow: 0 }, async (pool, sent) => {
    const kill = async (what: string) => {
      for (;;) {
        const rows = await admin`select pg_terminate_backend(pid) from pg_stat_activity
          where query like ${`%${what}%`} and state = 'active' and pid <> pg_backend_pid()`;
        if (rows.length > 0) return;
      }
    };
    await admin`select pg_advisory_lock(1)`;
    const reading = outcome(pool.run(untilUnlocked, {}));
    await kill("pg_advisory_xact_lock_shared");
    await admin`select pg_advisory_unlock(1)`;
    expect(await reading).toBe("done");
    expect(sent.map((info) => info.error?.code)).toEqual(["unavailable", undefined]);

    const slowWrite = write<Record<never, never>, never>("w", "select pg_sleep(60)");
    const writing = outcome(pool.run(slowWrite, {}));
    await kill("pg_sleep(60)");
    expect(await writing).toBe("unavailable");
    expect(sent).toHaveLength(3);
  });
});

test("a statement that runs too long is ended", async () => {
  await withPool({ poolSize: 1, maxOverflow: 0, statementTimeoutMs: 50 }, async (pool) => {
    expect(await outcome(pool.run(sleep, { seconds: 5 }))).toBe("statement_timeout");
    expect(await pool.run(one, {})).toHaveLength(1);
  });
});

test("text that Postgres cannot keep is refused with a typed error", async () => {
  await withPool({ poolSize: 1, maxOverflow: 0 }, async (pool) => {
    expect(await outcome(pool.run(text, { text: "a\0b" }))).toBe("invalid_text");
    expect(await outcome(pool.run(text, { text: "a\ud800b" }))).toBe("invalid_text");
    const fine = "\u{1F680} é \uffff '\"; --";
    expect(await pool.run(text, { text: fine })).toEqual([{ text: fine }] as never);
  });
});

test("an error holds neither SQL nor values, and tells the statement and the cause", async () => {
  await withPool({ poolSize: 1, maxOverflow: 0 }, async (pool) => {
    const broken = read<{ text: string }, never>("broken", "select :text::int");
    const error = await pool.run(broken, { text: "private words" }).catch((e) => e);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error.message).toBe("broken failed with SQLSTATE 22P02");
    expect(error.cause).toBeInstanceOf(Error);
  });
});

test("works without named prepared statements", async () => {
  await withPool({ poolSize: 2, maxOverflow: 0, prepare: false }, async (pool) => {
    const rows = await Promise.all(
      Array.from({ length: 20 }, (_, i) => pool.run(text, { text: String(i) })),
    );
    expect(rows.map(([row]) => row?.text)).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
    const left = await pool.run(
      read<Record<never, never>, { n: string }>(
        "n",
        "select count(*) as n from pg_prepared_statements",
      ),
      {},
    );
    expect(left[0]?.n).toBe("0");
  });
});

test("closing lets what runs end, refuses what waits, and cuts off what hangs", async () => {
  const gentle = new Pool({ url: database.url, poolSize: 1, maxOverflow: 0 });
  const running = outcome(gentle.run(sleep, { seconds: 0.2 }));
  const waiting = outcome(gentle.run(one, {}));
  await gentle.close();
  expect(await Promise.all([running, waiting])).toEqual(["done", "unavailable"]);
  expect(gentle.run(one, {})).rejects.toBeInstanceOf(DatabaseUnavailableError);

  const hasty = new Pool({ url: database.url, poolSize: 1, maxOverflow: 0 });
  await hasty.run(one, {});
  const hanging = outcome(
    hasty.run(write<Record<never, never>, never>("w", "select pg_sleep(60)"), {}),
  );
  await hasty.close(50);
  expect(await hanging).toBe("unavailable");
});

test("a Postgres that cannot be reached is unavailable at once", async () => {
  const pool = new Pool({ url: "postgres://u:secret@127.0.0.1:1/x", poolSize: 1 });
  const error = await pool.run(one, {}).catch((e) => e);
  expect(error).toBeInstanceOf(DatabaseUnavailableError);
  expect(error.message).not.toContain("secret");
  expect(error.retryable).toBe(true);
  await pool.close();
});
