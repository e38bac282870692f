import { expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { isAlive, query, until, useEmbedded } from "../testing/use-embedded.ts";

const fixture = useEmbedded();
const timeout = 60_000;

test(
  "keeps what was written from one start to the next, and its settings",
  async () => {
    const first = await fixture.start();
    await query(first.url, "create table kept as select 42 as n");
    await first.stop();
    expect(isAlive(Number(first.pid))).toBe(false);

    const startedAt = performance.now();
    const second = await fixture.start();
    const tookMs = performance.now() - startedAt;
    expect(await query(second.url, "select n from kept")).toEqual([{ n: 42 }]);
    const settings = await query<{ name: string; setting: string }>(
      second.url,
      `select name, setting from pg_settings where name in ('data_checksums', 'fsync', 'jit',
        'listen_addresses', 'server_encoding', 'shared_preload_libraries', 'synchronous_commit')
        order by name`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      data_checksums: "on",
      fsync: "on",
      jit: "off",
      listen_addresses: "",
      server_encoding: "UTF8",
      shared_preload_libraries: "pg_stat_statements",
      synchronous_commit: "on",
    });
    expect(await query(second.url, "select lower('ÄÉ') as lower")).toEqual([{ lower: "äé" }]);
    await second.stop();
    // 40 ms on a quiet machine.
    expect(tookMs).toBeLessThan(10_000);
  },
  timeout,
);

test(
  "lets in nobody without the password, which only its account can read",
  async () => {
    const postgres = await fixture.start();
    try {
      const wrong = postgres.url.replace(/:[^:@]*@/, ":wrong@");
      expect(query(wrong, "select 1")).rejects.toThrow("password authentication failed");
      expect(statSync(join(fixture.directory, "password")).mode & 0o077).toBe(0);
      expect(statSync(fixture.directory).mode & 0o077).toBe(0);
    } finally {
      await postgres.stop();
    }
  },
  timeout,
);

test(
  "a path too long for a socket is served on a port of 127.0.0.1",
  async () => {
    fixture.directory = join(fixture.root, "x".repeat(100), "postgres");
    const postgres = await fixture.start();
    try {
      expect(postgres.url).toContain("@127.0.0.1:");
      expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    } finally {
      await postgres.stop();
    }
  },
  timeout,
);

test(
  "open transactions do not hold up the stop",
  async () => {
    const postgres = await fixture.start();
    const sql = new SQL({ url: postgres.url, max: 1 });
    const open = sql.unsafe("select pg_sleep(60)").catch((error) => error.code);
    await until(fixture, "the statement to run", async () => {
      const rows = await query(
        postgres.url,
        "select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()",
      );
      return rows.length > 0;
    });
    const startedAt = performance.now();
    await postgres.stop();
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await open;
    await sql.close({ timeout: 0 });
  },
  timeout,
);

test(
  "data of another version are refused, with what to do",
  async () => {
    const postgres = await fixture.start();
    await postgres.stop();
    writeFileSync(join(fixture.directory, "data/PG_VERSION"), "16\n");
    const error = await fixture.start().catch((e) => e);
    expect(error.code).toBe("unsupported_version");
    expect(error.message).toContain("are of Postgres 16, and this Peregrine brings Postgres 18");
  },
  timeout,
);

test(
  "a Postgres that cannot start tells why, and frees the directory",
  async () => {
    const broken = await fixture.start({ shared_buffers: "'nonsense'" }).catch((error) => error);
    expect(broken.code).toBe("embedded_start");
    expect(broken.message).toContain("shared_buffers");
    const postgres = await fixture.start();
    await postgres.stop();
  },
  timeout,
);
