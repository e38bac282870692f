import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ErrorBody, HealthBody, ReadyBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  user = await TestUser.register(server);
});
afterAll(() => server.stop());

/** Holds up every request that looks for its session, for as long as the work takes. */
async function withSessionsLocked<T>(work: () => Promise<T>): Promise<T> {
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  try {
    return await sql.begin(async (tx) => {
      await tx`lock table sessions in access exclusive mode`;
      return await work();
    });
  } finally {
    await sql.close();
  }
}

test("the health page tells the load, as a balancer reads it", async () => {
  const health = (await (await fetch(`${server.url}/health`)).json()) as HealthBody;
  expect(health.status).toBe("ok");
  expect(health.memory_usage).toBeWithin(0.001, 1);
  expect(health.load.running_answers).toBe(0);
  const ready = (await (await fetch(`${server.url}/ready`)).json()) as ReadyBody;
  expect(ready.load.cpu).toBeWithin(0, 1.001);
  expect(ready.load.event_loop_delay_ms).toBeGreaterThanOrEqual(0);
});

test("more than the server bears is refused with when to come again; health, memory and recovery are not", async () => {
  const reader = await TestUser.register(server);
  const { id } = await reader.newConversation();
  const inMemory = `/api/v1/conversations/${id}/messages`;
  await (await reader.fetch(inMemory)).text();
  const { statuses, refusal } = await withSessionsLocked(async () => {
    const statuses: number[] = [];
    const flood = Array.from({ length: 300 }, async () => {
      const response = await user.fetch("/api/v1/me");
      statuses.push(response.status);
      return response;
    });
    await until(() => statuses.length >= 100, "refusals");
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect((await reader.fetch(inMemory)).status).toBe(200);
    const first = await Promise.race(flood);
    return { statuses: [...statuses], refusal: first };
  });
  expect(new Set(statuses)).toEqual(new Set([503]));
  expect(Number(refusal.headers.get("retry-after"))).toBeWithin(1, 4);
  expect(refusal.headers.get("x-content-type-options")).toBe("nosniff");
  expect(refusal.headers.get("server-timing")).toBe('admission;desc="refused"');
  expect(((await refusal.json()) as ErrorBody).error.code).toBe("overloaded");
  await until(async () => (await user.fetch("/api/v1/me")).status === 200, "recovery");
});

test("what says that it can wait is refused while a person's reads are not", async () => {
  // Nobody has looked this session up yet, so that every request waits for it.
  const newcomer = await TestUser.register(server);
  const { refused, reads } = await withSessionsLocked(async () => {
    // Fewer than the least limit there can be.
    const reads = Array.from({ length: 12 }, () => newcomer.fetch("/api/v1/me"));
    const background = Array.from({ length: 60 }, () =>
      newcomer.fetch("/api/v1/me", { headers: { priority: "u=6, i" } }),
    );
    return { refused: (await Promise.race(background)).status, reads };
  });
  expect(refused).toBe(503);
  expect((await Promise.all(reads)).map((read) => read.status)).toEqual(Array(12).fill(200));
});

test("a question that waits for its whole answer holds no place meanwhile", async () => {
  const questions = 80;
  const ids = await Promise.all(
    Array.from({ length: questions }, async () => (await user.newConversation()).id),
  );
  let answered = 0;
  const asked = ids.map(async (id) => {
    const path = `/api/v1/conversations/${id}/messages`;
    const response = await user.fetch(path, {
      json: { content: "{{firstTokenDelayMs=1500 tokens=1}}" },
    });
    answered++;
    return response.status;
  });
  const running = async () =>
    ((await (await fetch(`${server.url}/health`)).json()) as HealthBody).load.running_answers;
  await until(async () => (await running()) === questions, "all answers to be written");
  expect((await user.fetch("/api/v1/me")).status).toBe(200);
  expect(answered).toBe(0);
  expect(await Promise.all(asked)).toEqual(Array(questions).fill(201));
});
