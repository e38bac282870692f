import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase, type TestDatabase } from "@peregrine/database/testing";
import type { AlertListBody, AlertRule, AlertRuleListBody } from "@peregrine/protocol";
import { startCuttableProxy } from "../testing/cuttable-proxy.ts";
import { allEvents, startTestServer, type TestServer, TestUser } from "../testing/test-server.ts";

const base = "/api/v1/performance/alerts";
const told: string[] = [];
let webhook: Bun.Server<undefined>;
let database: TestDatabase;
let proxy: ReturnType<typeof startCuttableProxy>;
let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  webhook = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { alerts } = (await request.json()) as { alerts: { ruleId: string; state: string }[] };
      told.push(...alerts.map(({ ruleId, state }) => `${ruleId} ${state}`));
      return new Response();
    },
  });
  database = await createTestDatabase();
  proxy = startCuttableProxy(database.url);
  server = await startTestServer({
    DATABASE_URL: proxy.url,
    DB_POOL_TIMEOUT: "2",
    ALERT_INTERVAL: "1",
    ALERT_WEBHOOKS: `http://127.0.0.1:${webhook.port}/hook`,
    ALERT_PRIVATE_RECEIVERS: "true",
    LOG_LEVEL: "silent",
  });
  admin = await TestUser.register(server);
});
afterAll(async () => {
  proxy.restore();
  await server.stop();
  proxy.stop();
  await database.drop();
  await webhook.stop(true);
});

/** A rule that comes along, with less patience. */
async function hurry(id: string, change: Partial<AlertRule>): Promise<void> {
  const { rules } = await admin.json<AlertRuleListBody>(`${base}/rules`);
  const rule = rules.find((entry) => entry.rule.id === id)?.rule;
  expect(rule).toBeDefined();
  const json = { ...rule, inhibitedBy: [], ...change };
  await admin.json(`${base}/rules/${id}`, { method: "PUT", json });
}

async function untilTold(what: string, meanwhile: () => Promise<void> = async () => {}) {
  const deadlineMs = Date.now() + 50_000;
  while (!told.includes(what)) {
    if (Date.now() > deadlineMs) throw new Error(`waited 50 s for ${what}; told: ${told}`);
    await meanwhile();
    await Bun.sleep(100);
  }
}

test("a database that is gone is told at once and once, and its return as well", async () => {
  await hurry("database_down", { forSeconds: 2 });
  // So that it is known to the server that looks.
  await Bun.sleep(1_500);
  proxy.cut();
  await untilTold("database_down firing");
  await Bun.sleep(3_000);
  proxy.restore();
  await untilTold("database_down resolved");
  expect(told.filter((note) => note.startsWith("database_down"))).toEqual([
    "database_down firing",
    "database_down resolved",
  ]);
  const { events } = await admin.json<AlertListBody>(base);
  expect(events.filter(({ ruleId }) => ruleId === "database_down").map(({ kind }) => kind)).toEqual(
    ["resolved", "firing"],
  );
}, 120_000);

test("a slow model and a cold cache fire, each by itself, and are over when they are well", async () => {
  await hurry("first_token", {
    expression: "first_token_p95[15s]",
    threshold: 0.5,
    clearThreshold: 0.4,
    forSeconds: 0,
    least: { expression: "model_requests[15s]", value: 1 },
  });
  await hurry("cache_hit_ratio", {
    expression: "cache_hit_ratio[15s]",
    threshold: 0.7,
    clearThreshold: 0.75,
    forSeconds: 0,
    least: { expression: "cache_reads[15s]", value: 10 },
  });
  const ask = async (content: string) => {
    const { id } = await admin.newConversation();
    await allEvents(await admin.ask(id, content));
  };
  const coldReads = async () => {
    for (let i = 0; i < 10; i++) {
      await admin.json("/api/v1/performance/cache/clear", { method: "POST" });
      await admin.json("/api/v1/conversations");
    }
  };
  await untilTold("first_token firing", () =>
    Promise.all([ask("{{firstTokenDelayMs=1000 tokens=1}}"), coldReads()]).then(() => {}),
  );
  await untilTold("cache_hit_ratio firing", coldReads);

  const { id } = await admin.newConversation();
  const warmRead = async () => {
    for (let i = 0; i < 50; i++) await admin.json(`/api/v1/conversations/${id}`);
  };
  // So many that the last slow ones are fewer than one in twenty before the next 15 s are over.
  const askMuch = () => Promise.all(Array.from({ length: 8 }, () => ask("{{tokens=1}}")));
  await untilTold("first_token resolved", () =>
    Promise.all([askMuch(), warmRead()]).then(() => {}),
  );
  await untilTold("cache_hit_ratio resolved", warmRead);
  for (const rule of ["first_token", "cache_hit_ratio"]) {
    expect(told.filter((note) => note === `${rule} firing`)).toHaveLength(1);
  }
}, 120_000);
