import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type {
  AlertFigureListBody,
  AlertListBody,
  AlertRule,
  AlertTrialBody,
  AuditBody,
  HistoryBody,
  ModelPerformanceBody,
  PerformanceBody,
  ServerListBody,
} from "@peregrine/protocol";
import { SseParser } from "@peregrine/protocol/sse";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  until,
} from "../testing/test-server.ts";

type Posted = { body: string; signature: string | null };

const secret = "webhook-secret";
const posted: Posted[] = [];
let webhook: Bun.Server<undefined>;
let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  webhook = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const signature = request.headers.get("x-peregrine-signature");
      posted.push({ body: await request.text(), signature });
      return new Response();
    },
  });
  server = await startTestServer({
    SERVER_NAME: "test-server",
    ALERT_INTERVAL: "1",
    ALERT_WEBHOOKS: `http://127.0.0.1:${webhook.port}/hook`,
    ALERT_WEBHOOK_SECRET: secret,
    ALERT_PRIVATE_RECEIVERS: "true",
    LOG_LEVEL: "silent",
  });
  admin = await TestUser.register(server);
});
afterAll(async () => {
  await server.stop();
  await webhook.stop(true);
});

const base = "/api/v1/performance";
const aRule: AlertRule = {
  id: "own_rule",
  title: "Too many requests",
  advice: "",
  expression: "requests[15s]",
  comparison: "above",
  threshold: 1e9,
  clearThreshold: null,
  forSeconds: 0,
  severity: "warning",
  labels: {},
  least: null,
  inhibitedBy: [],
  isEnabled: true,
};

const put = (json: object) => ({ method: "PUT", json });
const history = (query: string) =>
  admin.json<HistoryBody>(`${base}/metrics/history?${new URLSearchParams(query)}`);

test("how it stands now: machine, caches, database, recommendations", async () => {
  const now = await admin.json<PerformanceBody>(`${base}/metrics`);
  expect(now.server).toBe("test-server");
  expect(now.system_resources.memory_usage).toBeWithin(0.001, 1);
  expect(now.system_resources.requests_in_flight).toBe(1);
  expect(now.database_stats.connections_limit).toBe(50);
  expect(now.cache_stats.memory).toBeDefined();
  expect(now.recommendations).toBeArray();
});

test("how far copies are behind is told, and what waits to be removed", async () => {
  const told = async () => (await admin.json<PerformanceBody>(`${base}/metrics`)).freshness;
  await until(async () => (await told()).purges !== null, "the removals to be counted");
  const freshness = await told();
  expect(freshness.invalidations).toEqual({ state: "solo", lag_seconds: 0, lag_records: 0 });
  expect(freshness.purges).toEqual({
    waiting: 0,
    failing: 0,
    oldest_since: null,
    last_error: null,
  });
  expect(freshness.replicas).toEqual([]);
  expect(freshness.certificates).toEqual([]);
});

test("a model server is shown with its state, and can be drained and taken back", async () => {
  const servers = async () =>
    (await admin.json<ModelPerformanceBody>(`${base}/models`)).servers.map(({ id, state }) => [
      id,
      state,
    ]);
  const drain = (drained: boolean, id = server.models.url) =>
    admin.fetch(`${base}/models/drain`, { json: { server: id, drained } });
  expect(await servers()).toEqual([[server.models.url, "up"]]);
  expect((await drain(true)).status).toBe(204);
  expect(await servers()).toEqual([[server.models.url, "draining"]]);
  expect((await drain(false)).status).toBe(204);
  expect(await servers()).toEqual([[server.models.url, "up"]]);
  expect((await drain(true, "http://nobody")).status).toBe(404);
});

test("each second is told as it ends, with what was counted in it", async () => {
  const response = await admin.fetch(`${base}/metrics/live`);
  const parser = new SseParser();
  const asked = 40;
  let seconds = 0;
  let requests = 0;
  read: for await (const piece of response.body ?? []) {
    for (const { data } of parser.push(piece)) {
      // In the first second others have asked as well.
      if (seconds++ > 0) requests += JSON.parse(data).figures.throughput;
      else for (let i = 0; i < asked; i++) await admin.json("/api/v1/me");
      if (requests >= asked) break read;
    }
  }
  expect(requests).toBe(asked);
});

test("what the load counted is what the history shows, within one in a hundred", async () => {
  // A whole second in which nobody else asks.
  const fromMs = Math.ceil(Date.now() / 1000) * 1000;
  await Bun.sleep(fromMs - Date.now());
  const asked = 500;
  let failed = 0;
  for (let i = 0; i < asked; i++) {
    const response = await admin.fetch(i % 10 === 0 ? "/api/v1/messages/none" : "/api/v1/me");
    if (!response.ok) failed++;
  }
  expect(failed).toBe(50);
  const toMs = Math.ceil(Date.now() / 1000) * 1000;
  await Bun.sleep(toMs - Date.now());
  const count = async () => {
    const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
    const { points } = await history(`from=${from}&to=${to}&step=1`);
    return points.reduce((sum, { figures }) => sum + (figures?.throughput ?? 0), 0);
  };
  // They may be saved in two parts.
  await untilSlow(async () => (await count()) > 0.99 * asked, "the seconds to be saved");
  expect(await count()).toBeLessThan(1.01 * asked);
  const { points, step } = await history(`from=${new Date(fromMs - 60_000).toISOString()}&step=15`);
  expect(step).toBe(15);
  const busy = points.find(({ figures }) => (figures?.throughput ?? 0) > 10);
  expect(busy?.servers).toBe(1);
  expect(busy?.figures?.response_time.p50).toBeWithin(0.00001, 0.1);
  expect(busy?.figures?.database["sessions.find"]?.count ?? 1).toBeGreaterThan(0);
  const { servers } = await admin.json<ServerListBody>(`${base}/servers`);
  expect(servers.map(({ name }) => name)).toEqual(["test-server"]);
}, 60_000);

test.each([
  ["from=yesterday", "from"],
  ["from=2026-01-01T00:00:00Z&to=2025-01-01T00:00:00Z", "from"],
  ["from=1926-01-01T00:00:00Z&step=300", "step"],
  [`from=${new Date(Date.now() - 3_600_000).toISOString()}&step=0`, "step"],
  [`from=${new Date(Date.now() - 86_400_000).toISOString()}&step=61`, "step"],
])("a history of %s is refused, naming the part that is wrong", async (query, field) => {
  const path = `${base}/metrics/history?${new URLSearchParams(query)}`;
  expect(await admin.error(path)).toEqual({ status: 400, code: "invalid_request", field });
});

test("a rule that cannot be used is refused with where it goes wrong, and nothing is saved", async () => {
  const bad: [Partial<AlertRule>, string][] = [
    [{ expression: "requests[15s" }, "expression"],
    [{ expression: "1 / 0" }, "expression"],
    [{ expression: "nonsense[5m]" }, "expression"],
    [{ least: { expression: "cpu", value: 1 } }, "least"],
    [{ forSeconds: -1 }, "forSeconds"],
    [{ clearThreshold: 2e9 }, "clearThreshold"],
  ];
  for (const [change, field] of bad) {
    const answer = await admin.error(`${base}/alerts/rules/own_rule`, put({ ...aRule, ...change }));
    expect(answer).toEqual({ status: 400, code: "invalid_request", field });
  }
  const { rules } = await admin.json<{ rules: { rule: AlertRule }[] }>(`${base}/alerts/rules`);
  expect(rules.map(({ rule }) => rule.id)).not.toContain("own_rule");
});

test("models that fail fire an alert; it is told, signed, acknowledged, and over when they are well", async () => {
  const rule: AlertRule = {
    ...aRule,
    id: "models_down",
    title: "Models are down",
    expression: "model_error_rate[15s]",
    threshold: 0.5,
    severity: "critical",
    labels: { team: "core" },
  };
  await admin.json(`${base}/alerts/rules/${rule.id}`, put(rule));
  const ask = async (content: string) => {
    const { id } = await admin.newConversation();
    await allEvents(await admin.ask(id, content));
  };
  const alertOf = async () => {
    const { alerts } = await admin.json<AlertListBody>(`${base}/alerts`);
    return alerts.find(({ ruleId }) => ruleId === rule.id);
  };
  const toldOf = (state: string) =>
    posted.filter(({ body }) => body.includes(rule.id) && body.includes(`"${state}"`));

  for (let i = 0; i < 4; i++) await ask("{{status=500}}");
  await untilSlow(() => toldOf("firing").length === 1, "the alert to be told");
  const [{ body, signature } = { body: "", signature: "" }] = toldOf("firing");
  expect(JSON.parse(body).alerts[0]).toMatchObject({
    ruleId: rule.id,
    severity: "critical",
    value: 1,
    labels: { team: "core" },
  });
  const seconds = /^t=(\d+),/.exec(signature ?? "")?.[1];
  const expected = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  expect(signature).toBe(`t=${seconds},v1=${expected}`);

  await admin.fetch(`${base}/alerts/${rule.id}/acknowledge`, { method: "POST" });
  expect(await alertOf()).toMatchObject({ state: "firing", acknowledgedBy: "Ada" });

  await untilSlow(async () => {
    await ask("{{tokens=1}}");
    return toldOf("resolved").length === 1;
  }, "the alert to be over");
  expect(toldOf("firing")).toHaveLength(1);
  expect(await alertOf()).toMatchObject({ state: "inactive", acknowledgedBy: null });
  const { events } = await admin.json<AlertListBody>(`${base}/alerts`);
  expect(events.filter((event) => event.ruleId === rule.id).map(({ kind }) => kind)).toEqual([
    "resolved",
    "firing",
  ]);
}, 90_000);

test("a rule can be tried on the past before it is saved", async () => {
  const busy = { ...aRule, expression: "requests[5m]", threshold: 0 };
  const would = await admin.json<AlertTrialBody>(`${base}/alerts/rules/try`, { json: busy });
  expect(would.looks).toBe(2017);
  expect(would.firings).toHaveLength(1);
  const never = await admin.json<AlertTrialBody>(`${base}/alerts/rules/try`, { json: aRule });
  expect(never.firings).toEqual([]);
  const { alerts } = await admin.json<AlertListBody>(`${base}/alerts`);
  expect(alerts.map(({ ruleId }) => ruleId)).not.toContain(aRule.id);
});

test("all receivers can be told of a test; while all is silenced, that is seen on each alert", async () => {
  await admin.fetch(`${base}/alerts/test`, { method: "POST" });
  await until(() => posted.some(({ body }) => body.includes("A test by Ada")), "the test");
  const { id } = await admin.json<{ id: string }>(`${base}/alerts/silences`, {
    json: { ruleId: null, minutes: 10, reason: "upgrade" },
  });
  const silenced = await admin.json<AlertListBody>(`${base}/alerts`);
  expect(silenced.alerts.every(({ silencedUntil }) => silencedUntil !== null)).toBe(true);
  await admin.fetch(`${base}/alerts/silences/${id}`, { method: "DELETE" });
  const after = await admin.json<AlertListBody>(`${base}/alerts`);
  expect(after.alerts.every(({ silencedUntil }) => silencedUntil === null)).toBe(true);
  expect(await admin.error(`${base}/alerts/silences/${id}`, { method: "DELETE" })).toMatchObject({
    status: 404,
  });
});

test("receivers can be told of a rule as if it fired, marked as a test", async () => {
  const path = `${base}/alerts/rules/memory/test`;
  expect((await admin.fetch(path, { method: "POST" })).status).toBe(202);
  const told = () => posted.filter(({ body }) => body.includes("Memory is nearly full (A test"));
  await until(() => told().length > 0, "the test");
  expect(JSON.parse(told()[0]?.body ?? "").alerts[0]).toMatchObject({
    ruleId: "memory",
    severity: "critical",
    threshold: 0.9,
    labels: { test: "true" },
  });
  const unknown = `${base}/alerts/rules/nothing/test`;
  expect(await admin.error(unknown, { method: "POST" })).toMatchObject({ status: 404 });
});

test("what a rule can speak of is listed, with what it comes to now", async () => {
  await untilSlow(async () => (await figureNow("requests")) !== null, "a slot to be saved");
  expect(await figureNow("requests")).toBeGreaterThan(0);
  expect(await figureNow("memory")).toBeWithin(0.001, 1);
  expect(await figureNow("invalidation_lag")).toBe(0);
  expect(await figureNow("replication_lag")).toBeNull();
  expect(await figureNow("database_down")).toBe(0);
}, 60_000);

async function figureNow(figure: string): Promise<number | null | undefined> {
  const { figures } = await admin.json<AlertFigureListBody>(`${base}/alerts/figures`);
  return figures.find(({ name }) => name === figure)?.value;
}

test("who did what, with what result, is kept", async () => {
  await admin.error(`${base}/alerts/memory/acknowledge`, { method: "POST" });
  await admin.json(`${base}/cache/clear`, { method: "POST" });
  const { entries } = await admin.json<AuditBody>(`${base}/audit`);
  const told = entries.map(({ userName, action, subject, result }) =>
    [userName, action, subject, result].join(" "),
  );
  expect(told).toContain("Ada alert.acknowledge memory not_found");
  expect(told).toContain("Ada cache.clear all done");
  expect(told).toContain(`Ada model.drain ${server.models.url} done`);
  expect(told).toContain("Ada model.drain http://nobody not_found");
  expect(told).toContain("Ada alert_rule.test memory done");
  expect(told).toContain("Ada alert_rule.save models_down done");
  expect(told).toContain("Ada alert_rule.save own_rule invalid_request");
});

/** What is saved every 15 s takes a while to be seen. */
async function untilSlow(condition: () => unknown, what: string): Promise<void> {
  const deadlineMs = Date.now() + 45_000;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`waited 45 s for ${what}`);
    await Bun.sleep(200);
  }
}
