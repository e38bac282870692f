import { fileURLToPath } from "node:url";
import { SQL } from "bun";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import { DatabaseError } from "./errors.ts";
import { mapPostgresError } from "./postgres-errors.ts";

const migrationsFolder = fileURLToPath(new URL("../drizzle", import.meta.url));
const oldestVersion = 14;
/** Any number that nothing else in the database takes for an advisory lock. */
const lockKey = 7_340_921_655;
/** Search stands on them. A database's owner may add them, where they are installed. */
const extensions = ["btree_gin", "unaccent"];

type Query = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/**
 * Brings the database up to the newest schema: all missing migrations in one transaction, or none.
 * Many servers may do so at once; one at a time goes ahead and the others find nothing to do.
 *
 * All of it is that one transaction, the lock too, so that it works through a pooler. What has been
 * applied is noted where `drizzle-kit migrate` does.
 *
 * @throws DatabaseError unavailable; unsupported_version below Postgres 14; missing_extension.
 */
export async function migrateDatabase(url: string): Promise<void> {
  const sql = new SQL({ url, max: 1, connectionTimeout: 10, prepare: false });
  try {
    await sql.begin(async (transaction) => {
      const query: Query = (text, values = []) => transaction.unsafe(text, values);
      const [version] = await query("select current_setting('server_version_num')::int as number");
      requireVersion(Number(version?.number));
      await query("set local statement_timeout = 0");
      await query("set local lock_timeout = 0");
      await query("select pg_advisory_xact_lock($1::bigint)", [lockKey]);
      await applyMissing(query, readMigrationFiles({ migrationsFolder }));
    });
  } catch (error) {
    throw mapPostgresError("migration", error);
  } finally {
    await sql.close({ timeout: 0 });
  }
}

async function applyMissing(query: Query, migrations: MigrationMeta[]): Promise<void> {
  const [known] = await query("select to_regclass('drizzle.__drizzle_migrations') as name");
  if (known?.name == null) {
    await query("create schema if not exists drizzle");
    await query(`create table if not exists drizzle.__drizzle_migrations
      (id serial primary key, hash text not null, created_at bigint)`);
  }
  const [last] = await query("select max(created_at) as at from drizzle.__drizzle_migrations");
  const missing = migrations.filter((migration) => migration.folderMillis > Number(last?.at ?? 0));
  if (missing.length > 0) await requireExtensions(query);
  for (const migration of missing) {
    for (const statement of migration.sql) await query(statement);
    await query(
      "insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2::bigint)",
      [migration.hash, migration.folderMillis],
    );
  }
}

/** Says what to do before a statement fails in a way that does not. */
async function requireExtensions(query: Query): Promise<void> {
  const rows = await query(`select wanted.name, available.name is not null as available,
      has_database_privilege(current_database(), 'create') as may_create
    from unnest('{${extensions.join(",")}}'::text[]) as wanted (name)
    left join pg_available_extensions as available on available.name = wanted.name
    where not exists (select from pg_extension where extname = wanted.name)`);
  const absent = rows.filter((row) => !row.available).map((row) => row.name);
  if (absent.length > 0) {
    throw new DatabaseError(
      "missing_extension",
      `Postgres lacks the extensions ${absent.join(", ")}: install its contrib package (postgresql-contrib)`,
    );
  }
  const forbidden = rows.filter((row) => !row.may_create).map((row) => row.name);
  if (forbidden.length > 0) {
    const commands = forbidden.map((name) => `CREATE EXTENSION ${name};`).join(" ");
    throw new DatabaseError(
      "missing_extension",
      `the database's role may not add extensions: have an administrator run ${commands}`,
    );
  }
}

/** @param number as Postgres tells it: 180004 for 18.4, 90624 for 9.6.24. */
export function requireVersion(number: number): void {
  const major = Math.floor(number / 10_000);
  if (major >= oldestVersion) return;
  throw new DatabaseError(
    "unsupported_version",
    `the database is Postgres ${major}; Peregrine needs Postgres ${oldestVersion} or newer`,
  );
}
