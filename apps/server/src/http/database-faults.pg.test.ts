import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase, type TestDatabase } from "@peregrine/database/testing";
import type { ConversationListBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { startCuttableProxy } from "../testing/cuttable-proxy.ts";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

let database: TestDatabase;
let proxy: ReturnType<typeof startCuttableProxy>;
let server: TestServer;
let ada: TestUser;
let admin: SQL;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = startCuttableProxy(database.url);
  server = await startTestServer({ DATABASE_URL: proxy.url, LOG_LEVEL: "silent" });
  ada = await TestUser.register(server);
  admin = new SQL({ url: database.url, max: 1 });
});
afterAll(async () => {
  await server.stop();
  proxy.stop();
  await admin.close();
  await database.drop();
});

const create = { json: { title: "x" } };
const path = "/api/v1/conversations";

async function titles(): Promise<number> {
  return (await ada.json<ConversationListBody>(`${path}?limit=100`)).conversations.length;
}

test("while the database cannot be reached: a clear 503, and recovery by itself", async () => {
  const { id } = await ada.newConversation({ title: "Before" });
  const before = await titles();
  for (let round = 0; round < 3; round++) {
    proxy.cut();
    const unavailable = { status: 503, code: "database_unavailable" };
    expect(await ada.error(path, create)).toMatchObject(unavailable);
    expect(await ada.error(`/api/v1/search?q=before${round}`)).toMatchObject(unavailable);
    const response = await ada.fetch(`${path}/${id}/messages`, { json: { content: "Hello" } });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await response.text()).not.toMatch(/ECONN|postgres:|127\.0\.0\.1|select|insert/i);
    expect((await fetch(`${server.url}/ready`)).status).toBe(503);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    proxy.restore();
    await until(async () => (await fetch(`${server.url}/ready`)).status === 200, "the recovery");
    expect((await ada.fetch(path, create)).status).toBe(201);
  }
  // Nothing of what was refused was done after all.
  expect(await titles()).toBe(before + 3);
});

test("while all connections are held up: a clear 503 in time, other work goes on, and recovery", async () => {
  const small = await startTestServer({
    DB_POOL_SIZE: "2",
    DB_MAX_OVERFLOW: "1",
    DB_POOL_TIMEOUT: "1",
    LOG_LEVEL: "silent",
  });
  const sql = new SQL({ url: small.databaseUrl, max: 1 });
  try {
    const eve = await TestUser.register(small);
    await eve.newConversation({ title: "Free" });
    const answers: Response[] = [];
    const asked: Promise<unknown>[] = [];
    await sql.begin(async (tx) => {
      await tx`lock table conversations in exclusive mode`;
      for (let i = 0; i < 8; i++) {
        asked.push(eve.fetch(path, create).then((response) => answers.push(response)));
      }
      // Three of them hold all connections, the others find none.
      await until(() => answers.length === 5, "five to be refused");
      for (const response of answers) {
        expect(response.status).toBe(503);
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(await response.json()).toEqual({
          error: { code: "database_unavailable", message: "The database is busy. Try again." },
        });
      }
      // Search has connections of its own.
      expect((await eve.fetch("/api/v1/search?q=free")).status).toBe(200);
      expect((await fetch(`${small.url}/health`)).status).toBe(200);
    });
    await Promise.all(asked);
    expect(answers.slice(5).map(({ status }) => status)).toEqual([201, 201, 201]);
    await until(async () => (await eve.fetch(path, create)).status === 201, "the recovery");
  } finally {
    await sql.close();
    await small.stop();
  }
});

test("while the database is read-only: reads go on, writes get a clear 503, and recovery", async () => {
  const setReadOnly = async (value: "on" | "off") => {
    await admin.unsafe(
      `alter database "${new URL(database.url).pathname.slice(1)}" set default_transaction_read_only = ${value}`,
    );
    await admin`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
  };
  await setReadOnly("on");
  try {
    // The first ones meet the connections that were ended.
    await until(async () => {
      const response = await ada.fetch(path, create);
      expect(response.status).toBe(503);
      return (await response.text()).includes("accepts no changes");
    }, "the word that no changes are accepted");
    expect((await ada.fetch("/api/v1/search?q=anything")).status).toBe(200);
    expect((await ada.fetch(`${path}?limit=7`)).status).toBe(200);
  } finally {
    await setReadOnly("off");
  }
  await until(async () => (await ada.fetch(path, create)).status === 201, "the recovery");
});
