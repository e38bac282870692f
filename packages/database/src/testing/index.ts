import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { startEmbeddedPostgres } from "../embedded/start-embedded-postgres.ts";
import { newId } from "../ids.ts";
import { migrateDatabase } from "../migrate.ts";

export { startDebianPostgres } from "./debian-postgres.ts";
export { type Standby, startStandby } from "./standby.ts";

export type TestPostgres = {
  /** A database in which more can be made. */
  url: string;
  /** Ends Postgres and removes its files. */
  stop(): Promise<void>;
};

export type TestDatabase = {
  url: string;
  /** Removes the database, also from under open connections. */
  drop(): Promise<void>;
};

/** Starts a real Postgres in a new directory. What it holds is lost in a crash of the machine. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-pg-"));
  // Postgres does not run as root, and its account has to pass.
  chmodSync(directory, 0o711);
  const settings = {
    fsync: "off",
    full_page_writes: "off",
    shared_buffers: "32MB",
    autovacuum: "off",
  };
  const log = { info() {}, warn: console.warn, error: console.error };
  const postgres = await startEmbeddedPostgres({ directory: join(directory, "pg"), settings, log });
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const atExit = () => {
    if (postgres.pid) process.kill(postgres.pid, "SIGQUIT");
    remove();
  };
  process.once("exit", atExit);
  return {
    url: postgres.url,
    async stop() {
      process.off("exit", atExit);
      await postgres.stop();
      remove();
    },
  };
}

/**
 * Makes a database of the newest schema for one test file, a copy of a template that is migrated
 * once. It is in the Postgres of `PEREGRINE_TEST_DATABASE_URL`, or else in one that this process
 * starts for its first test database and ends with its last.
 *
 * @param given the Postgres to make it in instead
 */
export async function createTestDatabase(given?: TestPostgres): Promise<TestDatabase> {
  const cluster = given ? { url: given.url, giveBack: async () => {} } : await borrowCluster();
  const template = await prepareTemplate(cluster.url);
  const name = `test_${newId().replaceAll("-", "")}`;
  await withAdmin(cluster.url, (sql) => sql.unsafe(`create database ${name} template ${template}`));
  return {
    url: withDatabase(cluster.url, name),
    async drop() {
      await withAdmin(cluster.url, (sql) => sql.unsafe(`drop database ${name} with (force)`));
      await cluster.giveBack();
    },
  };
}

let shared: { postgres: Promise<TestPostgres>; users: number } | undefined;

async function borrowCluster(): Promise<{ url: string; giveBack(): Promise<void> }> {
  const given = process.env.PEREGRINE_TEST_DATABASE_URL;
  if (given) return { url: given, giveBack: async () => {} };
  shared ??= { postgres: startTestPostgres(), users: 0 };
  const mine = shared;
  mine.users++;
  const postgres = await mine.postgres;
  return {
    url: postgres.url,
    async giveBack() {
      if (--mine.users > 0) return;
      shared = undefined;
      await postgres.stop();
    },
  };
}

/** Named after the migrations, so that a Postgres that outlives a change of them makes another. */
async function prepareTemplate(url: string): Promise<string> {
  const folder = join(import.meta.dir, "../../drizzle");
  const hash = createHash("sha256");
  for (const file of readdirSync(folder).sort()) {
    if (file.endsWith(".sql")) hash.update(readFileSync(join(folder, file)));
  }
  const name = `template_${hash.digest("hex").slice(0, 16)}`;
  await withAdmin(url, async (sql) => {
    await sql`select pg_advisory_lock(hashtext(${name}))`;
    const [made] = await sql`select datistemplate from pg_database where datname = ${name}`;
    if (made?.datistemplate) return;
    await sql.unsafe(`drop database if exists ${name}`);
    await sql.unsafe(`create database ${name}`);
    await migrateDatabase(withDatabase(url, name));
    await sql.unsafe(`alter database ${name} is_template true`);
  });
  return name;
}

async function withAdmin<T>(url: string, work: (sql: SQL) => PromiseLike<T>): Promise<T> {
  const sql = new SQL({ url, max: 1 });
  try {
    return await work(sql);
  } finally {
    await sql.close({ timeout: 0 });
  }
}

function withDatabase(url: string, name: string): string {
  return url.replace(/\/[^/?]*(\?.*)?$/, `/${name}$1`);
}
