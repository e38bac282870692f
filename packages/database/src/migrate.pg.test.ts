import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { generateDrizzleJson, generateMigration } from "drizzle-kit/api";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import { DatabaseUnavailableError } from "./errors.ts";
import { newId } from "./ids.ts";
import { migrateDatabase, requireVersion } from "./migrate.ts";
import * as schema from "./schema.ts";
import { createTestDatabase, type TestDatabase } from "./testing/index.ts";

const packageDirectory = join(import.meta.dir, "..");
let migrated: TestDatabase;
let sql: SQL;

beforeAll(async () => {
  migrated = await createTestDatabase();
  sql = new SQL({ url: migrated.url, max: 1 });
});

afterAll(async () => {
  await sql.close();
  await migrated.drop();
});

test("eight servers that start at once migrate an empty database once", async () => {
  const name = `empty_${newId().replaceAll("-", "")}`;
  await sql.unsafe(`create database ${name}`);
  const url = migrated.url.replace(/[^/]*$/, name);
  try {
    await Promise.all(Array.from({ length: 8 }, () => migrateDatabase(url)));
    const empty = new SQL({ url, max: 1 });
    const applied = await empty`select hash from drizzle.__drizzle_migrations`;
    await empty.close();
    const files = readdirSync(join(packageDirectory, "drizzle")).filter((f) => f.endsWith(".sql"));
    expect(applied.length).toBe(files.length);
  } finally {
    await sql.unsafe(`drop database ${name} with (force)`);
  }
});

test("a migrated database is left as it is", async () => {
  const before = await sql`select count(*)::int as n from drizzle.__drizzle_migrations`;
  await migrateDatabase(migrated.url);
  expect(await sql`select count(*)::int as n from drizzle.__drizzle_migrations`).toEqual(before);
});

test("a database that is not there is unavailable, without its password in the message", async () => {
  const url = "postgres://someone:secret@127.0.0.1:1/nowhere";
  const error = await migrateDatabase(url).catch((e) => e);
  expect(error).toBeInstanceOf(DatabaseUnavailableError);
  expect(error.message).not.toContain("secret");
});

test("Postgres 14 and newer will do", () => {
  expect(() => requireVersion(140_000)).not.toThrow();
  expect(() => requireVersion(130_018)).toThrow("Postgres 13; Peregrine needs Postgres 14");
});

test("the schema has no change without a migration", async () => {
  const meta = join(packageDirectory, "drizzle/meta");
  const newest = readdirSync(meta)
    .filter((file) => file.endsWith("_snapshot.json"))
    .sort()
    .at(-1);
  const migratedTo = await Bun.file(join(meta, newest ?? "")).json();
  const now = generateDrizzleJson(schema, migratedTo.id);
  expect(await generateMigration(migratedTo, now)).toEqual([]);
});

const tables = Object.values(schema).map((table) => getTableConfig(table as PgTable));

test.each(tables.map((table) => [table.name, table] as const))(
  "the migrated table %s is the one of the schema",
  async (name, table) => {
    const columns = await sql`
      select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as not_null
      from pg_attribute where attrelid = ${name}::regclass and attnum > 0 order by attname`;
    const wanted = table.columns
      .map((column) => ({
        name: column.name,
        // Postgres writes the precision without a space.
        type: column.getSQLType().replace(" (", "("),
        not_null: column.notNull,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    expect([...columns]).toEqual(wanted);
    const indexes = await sql`select indexname as name from pg_indexes where tablename = ${name}`;
    expect(indexes.map((row: { name: string }) => row.name)).toEqual(
      expect.arrayContaining(table.indexes.map((index) => index.config.name)),
    );
  },
);

test("sign-in attempts are not written to the log that survives a crash", async () => {
  const [row] = await sql`select relpersistence from pg_class where relname = 'attempts'`;
  expect(row.relpersistence).toBe("u");
});
