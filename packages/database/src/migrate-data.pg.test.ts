import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { SQL } from "bun";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { openDatabase } from "./database.ts";
import { newId } from "./ids.ts";
import { migrateDatabase } from "./migrate.ts";
import { createTestDatabase, type TestDatabase } from "./testing/index.ts";

const migrations = readMigrationFiles({ migrationsFolder: join(import.meta.dir, "../drizzle") });
let admin: TestDatabase;
let sql: SQL;

beforeAll(async () => {
  admin = await createTestDatabase();
  sql = new SQL({ url: admin.url, max: 1 });
});
afterAll(async () => {
  await sql.close();
  await admin.drop();
});

/** A database as the first `count` migrations left it. */
async function databaseAt(count: number): Promise<{ url: string; old: SQL }> {
  const name = `at_${count}_${newId().replaceAll("-", "")}`;
  await sql.unsafe(`create database ${name}`);
  const url = admin.url.replace(/[^/]*$/, name);
  const old = new SQL({ url, max: 1 });
  await old.unsafe(`create schema drizzle; create table drizzle.__drizzle_migrations
    (id serial primary key, hash text not null, created_at bigint)`);
  for (const migration of migrations.slice(0, count)) {
    for (const statement of migration.sql) await old.unsafe(statement);
    await old`insert into drizzle.__drizzle_migrations (hash, created_at)
      values (${migration.hash}, ${migration.folderMillis})`;
  }
  return { url, old };
}

test.each(migrations.slice(1).map((_, index) => index + 1))(
  "from version %i, with data, four servers at once bring it to the newest and lose nothing",
  async (count) => {
    const { url, old } = await databaseAt(count);
    const [user, conversation, message] = [newId(), newId(), newId()];
    await old`insert into users (id, email, name, role, password_hash)
      values (${user}, 'a@example.org', 'Ada', 'user', 'hash')`;
    await old`insert into conversations (id, user_id, title) values (${conversation}, ${user}, 'Owls')`;
    await old`insert into messages (id, conversation_id, user_id, role, content, status)
      values (${message}, ${conversation}, ${user}, 'user', 'Do owls see colours?', 'complete')`;
    await old`insert into documents (id, user_id, title, content)
      values (${newId()}, ${user}, 'Birds', 'Owls and others')`;
    await old.close();

    await Promise.all([1, 2, 3, 4].map(() => migrateDatabase(url)));
    const database = openDatabase({ url });
    try {
      const page = await database.messages.list({
        userId: user,
        conversationId: conversation,
        limit: 10,
        cursor: null,
      });
      expect(page?.messages.map(({ id, content }) => [id, content])).toEqual([
        [message, "Do owls see colours?"],
      ]);
      const all = { conversationId: null, from: null, to: null, limit: 10, cursor: null };
      const { results } = await database.search.find({ userId: user, text: "owls", ...all });
      expect(results.map(({ snippet }) => snippet).sort()).toEqual([
        "<mark>Owls</mark>",
        "<mark>Owls</mark> and others",
        "Do <mark>owls</mark> see colours?",
      ]);
    } finally {
      await database.close();
    }
  },
);

test("a role that may not add extensions is told what an administrator should run", async () => {
  const role = `plain_${newId().replaceAll("-", "")}`;
  const name = `bare_${newId().replaceAll("-", "")}`;
  await sql.unsafe(`create role ${role} login password 'plain'`);
  await sql.unsafe(`create database ${name}`);
  try {
    const url = new URL(admin.url.replace(/[^/]*$/, name));
    const target = new SQL({ url: url.href, max: 1 });
    await target.unsafe(`create schema drizzle authorization ${role};
      grant create, usage on schema public to ${role}; create table drizzle.__drizzle_migrations
      (id serial primary key, hash text not null, created_at bigint);
      alter table drizzle.__drizzle_migrations owner to ${role}`);
    await target.close();
    const asRole = url.href.replace(/\/\/[^@]*@/, `//${role}:plain@`);
    const error = await migrateDatabase(asRole).catch((e) => e);
    expect(error).toMatchObject({ code: "missing_extension" });
    expect(error.message).toContain("CREATE EXTENSION btree_gin; CREATE EXTENSION unaccent;");
  } finally {
    await sql.unsafe(`drop database ${name} with (force)`);
    await sql.unsafe(`drop role ${role}`);
  }
});
