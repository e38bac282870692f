import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Database, openDatabase } from "./database.ts";
import { newId } from "./ids.ts";
import { migrateDatabase } from "./migrate.ts";
import { startDebianPostgres } from "./testing/debian-postgres.ts";
import type { TestPostgres } from "./testing/index.ts";
import { startPgBouncer } from "./testing/pgbouncer.ts";
import { questionOf } from "./testing/use-database.ts";

let postgres: TestPostgres;
let bouncer: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await startDebianPostgres();
  bouncer = await startPgBouncer(postgres);
  database = openDatabase({ url: bouncer.url, prepare: false, poolSize: 20 });
}, 60_000);

afterAll(async () => {
  await database.close();
  await bouncer.stop();
  await postgres.stop();
});

test("several servers migrate at once through PgBouncer in transaction mode", async () => {
  await Promise.all([1, 2, 3, 4].map(() => migrateDatabase(bouncer.url)));
  await migrateDatabase(bouncer.url);
});

test("every kind of statement goes through, from more connections than the pooler has", async () => {
  const userId = newId();
  await database.users.create({
    id: userId,
    email: "a@example.org",
    name: "A",
    passwordHash: "x",
    signupOpen: true,
  });
  const serverId = newId();
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const id = newId();
      await database.conversations.create({ id, userId, title: `Conversation ${i}` });
      const question = { ...questionOf(userId, id, `What about topic${i}?`), serverId };
      const begun = await database.answers.ask(question);
      if (typeof begun === "string") throw new Error(begun);
      const finished = await database.answers.finish({
        answerId: question.answerId,
        conversationId: id,
        userId,
        serverId,
        content: `Answer${i}`,
        status: "complete",
        model: null,
        usage: null,
        error: null,
        preview: null,
      });
      expect(finished?.answer.content).toBe(`Answer${i}`);
      const page = await database.messages.list({
        userId,
        conversationId: id,
        limit: 10,
        cursor: null,
      });
      expect(page?.messages.map((message) => message.content)).toEqual([
        `Answer${i}`,
        `What about topic${i}?`,
      ]);
      const all = { conversationId: null, from: null, to: null, limit: 5, cursor: null };
      const found = await database.search.find({ userId, text: `topic${i} `, ...all });
      expect(found.results.map((result) => result.conversation?.id)).toEqual([id]);
    }),
  );
  const list = await database.conversations.list({ userId, limit: 100, cursor: null });
  expect(list.conversations).toHaveLength(100);
});
