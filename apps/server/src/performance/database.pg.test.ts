import { afterAll, beforeAll, expect, test } from "bun:test";
import type {
  DatabasePerformanceBody,
  OptimiserPlanBody,
  OptimiserRunBody,
  OptimiserStateBody,
} from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

const path = "/api/v1/performance/database";
let server: TestServer;
let admin: TestUser;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await TestUser.register(server);
  user = await TestUser.register(server);
});

afterAll(() => server.stop());

const state = () => admin.json<OptimiserStateBody>(`${path}/optimize`);

async function untilIdle(): Promise<OptimiserStateBody> {
  await until(async () => (await state()).running === null, "the job's end");
  return state();
}

test.each([
  ["GET", path],
  ["GET", `${path}/optimize`],
  ["POST", `${path}/optimize`],
  ["POST", `${path}/optimize?dry_run=true`],
  ["DELETE", `${path}/optimize`],
  ["POST", `${path}/advice/drop-index.users_pkey`],
])("%s %s is for administrators", async (method, url) => {
  expect(await user.error(url, { method })).toMatchObject({ status: 403, code: "forbidden" });
  const stranger = await fetch(server.url + url, { method });
  expect(stranger.status).toBe(401);
});

test("a dry run gives the plan, by POST and by GET, and leaves no trace", async () => {
  for (const method of ["POST", "GET"]) {
    const { plan } = await admin.json<OptimiserPlanBody>(`${path}/optimize?dry_run=true`, {
      method,
    });
    const planned = plan.actions.filter(({ outcome }) => outcome === "planned");
    expect(planned.map(({ name }) => name)).toContain("users_created_at_idx");
  }
  expect(await state()).toEqual({ running: null, history: [] });
});

test("a job runs, tells its state, and stays in the history", async () => {
  const response = await admin.fetch(`${path}/optimize`, { method: "POST" });
  expect(response.status).toBe(202);
  const { run } = (await response.json()) as OptimiserRunBody;
  expect(run).toMatchObject({ status: "running", kind: "optimise", trigger: "administrator" });
  const { history } = await untilIdle();
  expect(history[0]).toMatchObject({ id: run.id, status: "done" });
  const built = history[0]?.result?.actions.find(({ name }) => name === "users_created_at_idx");
  expect(built).toMatchObject({ outcome: "done" });
});

test("while a job runs another is refused, and it can be cancelled", async () => {
  const sql = new SQL({ url: server.databaseUrl, max: 2 });
  await sql.unsafe("drop index if exists users_last_login_at_idx");
  const held = await sql.reserve();
  await held.unsafe("begin; lock table users in row exclusive mode");
  try {
    await admin.json(`${path}/optimize`, { method: "POST" });
    expect(await admin.error(`${path}/optimize`, { method: "POST" })).toMatchObject({
      status: 409,
      code: "optimiser_running",
    });
    await until(
      async () => (await state()).running?.progress?.blockedBy.length,
      "the blocker's name",
    );
    expect((await admin.fetch(`${path}/optimize`, { method: "DELETE" })).status).toBe(202);
  } finally {
    await held.unsafe("rollback");
    held.release();
  }
  expect((await untilIdle()).history[0]?.status).toBe("cancelled");
  expect(await admin.error(`${path}/optimize`, { method: "DELETE" })).toMatchObject({
    status: 404,
  });
  await sql.close();
});

test("advice is applied by name, once", async () => {
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  await sql.unsafe("create index extra on messages (conversation_id)");
  const apply = `${path}/advice/drop-index.extra`;
  await admin.json(apply, { method: "POST" });
  expect((await untilIdle()).history[0]).toMatchObject({
    kind: "apply",
    advice: "drop-index.extra",
    status: "done",
  });
  expect([...(await sql`select to_regclass('extra') as it`)]).toEqual([{ it: null }]);
  expect(await admin.error(apply, { method: "POST" })).toMatchObject({
    status: 409,
    code: "advice_applied",
  });
  const unknown = `${path}/advice/${encodeURIComponent("drop-index.'; drop table users")}`;
  expect(await admin.error(unknown, { method: "POST" })).toMatchObject({ status: 404 });
  expect(await admin.error(`${path}/advice/${"x".repeat(201)}`, { method: "POST" })).toMatchObject({
    status: 404,
  });
  await sql.close();
});

test("the figures are those of the database and of this server", async () => {
  const figures = await admin.json<DatabasePerformanceBody>(path);
  expect(figures.tables.map(({ name }) => name)).toContain("messages");
  expect(figures.pool.size).toBe(50);
  const created = figures.queries.find(({ name }) => name === "users.create");
  expect(created).toMatchObject({ calls: 2, errors: 0 });
  expect(figures.connections.used).toBeGreaterThan(0);
});

test.each(["dry_run=maybe", "dry-run=true", "dry_run=true&x=1"])(
  "?%s is refused",
  async (query) => {
    expect(await admin.error(`${path}/optimize?${query}`, { method: "POST" })).toMatchObject({
      status: 400,
      code: "invalid_request",
    });
  },
);
