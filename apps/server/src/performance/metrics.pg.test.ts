import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";
import { SQL } from "bun";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  until,
} from "../testing/test-server.ts";

const token = "a-token-for-scrapers";
let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer({ METRICS_TOKEN: token, SERVER_NAME: "test-server" });
  admin = await TestUser.register(server);
});
afterAll(() => server.stop());

const scrape = async () => (await fetch(server.metricsUrl)).text();

/** The value of one line of the exposition. */
function figureOf(text: string, line: string): number {
  const found = text.split("\n").find((candidate) => candidate.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? Number.NaN);
}

test("requests are counted by route and status, exactly", async () => {
  const line = 'http_requests_total{method="GET",endpoint="/api/v1/conversations/:id",status_code=';
  const before = await scrape();
  const { id } = await admin.newConversation();
  for (let i = 0; i < 7; i++) await admin.json(`/api/v1/conversations/${id}`);
  const unknown = "01890000-0000-7000-8000-000000000000";
  for (let i = 0; i < 3; i++) await admin.error(`/api/v1/conversations/${unknown}`);
  const after = await scrape();
  const grown = (status: number) =>
    figureOf(after, `${line}"${status}"}`) - (figureOf(before, `${line}"${status}"}`) || 0);
  expect([grown(200), grown(404)]).toEqual([7, 3]);
  expect(after).not.toContain(id);
});

test("an answer's first token and tokens are counted, and a model that fails", async () => {
  const first = await admin.newConversation();
  await allEvents(await admin.ask(first.id, "{{tokens=12}}"));
  const second = await admin.newConversation();
  await allEvents(await admin.ask(second.id, "{{status=500}}"));
  const text = await scrape();
  // A title may have been made meanwhile: by the same model, so it counts as well.
  const model = /model_requests_total\{model="([^"]+)"\}/.exec(text)?.[1];
  expect(figureOf(text, `model_time_to_first_token_seconds_count{model="${model}"}`)).toBeWithin(
    1,
    3,
  );
  expect(figureOf(text, `model_tokens_total{model="${model}"}`)).toBeGreaterThanOrEqual(12);
  expect(text).toMatch(/model_errors_total\{model="[^"]+",code="model_\w+"\} \d/);
  const pool = `pool="models",server="${server.models.url}"`;
  expect(figureOf(text, `balancer_picks_total{${pool}}`)).toBeGreaterThanOrEqual(2);
  expect(figureOf(text, `balancer_requests_total{${pool},end="status"}`)).toBeGreaterThanOrEqual(1);
});

/** What administrators and their dashboards count on: each name, with its labels and no others. */
const promised: Record<string, string[]> = {
  http_request_duration_seconds: ["method", "endpoint", "status_code"],
  http_requests_total: ["method", "endpoint", "status_code"],
  http_requests_in_flight: [],
  http_requests_waiting: [],
  http_requests_limit: [],
  http_requests_wait_seconds: ["priority"],
  websocket_active_connections: [],
  database_query_duration_seconds: ["query_type", "table"],
  database_pool_connections: ["state"],
  database_pool_wait_seconds: [],
  cache_hit_ratio: ["cache_type"],
  cache_hits_total: ["cache_type"],
  cache_misses_total: ["cache_type"],
  model_time_to_first_token_seconds: ["model"],
  model_answer_tokens_per_second: ["model"],
  model_requests_total: ["model"],
  model_errors_total: ["model", "code"],
  answers_running: [],
  answers_waiting: [],
  event_loop_delay_seconds: [],
  balancer_queue_length: ["pool", "priority"],
  balancer_wait_seconds: ["pool"],
  balancer_server_state: ["pool", "server", "state"],
  cache_invalidation_lag_seconds: [],
  alert_state: ["alert", "severity"],
};

test("every metric that is promised is there, with its labels", async () => {
  const { id } = await admin.newConversation();
  await allEvents(await admin.ask(id, "{{tokens=3}}"));
  await allEvents(await admin.ask(id, "{{status=500}}"));
  const labelsOf = (text: string, metric: string) => {
    const sample = new RegExp(`^${metric}(?:_bucket|_sum|_count)?(?:\\{(.*)\\})? \\S+$`, "m").exec(
      text,
    );
    if (!sample) return undefined;
    const names = [...(sample[1] ?? "").matchAll(/(\w+)="/g)].map(([, name]) => name ?? "");
    return names.filter((name) => name !== "le").toSorted();
  };
  // Some are taken once a second, and the state of alerts once in 15 s.
  let missing: string[] = [];
  const deadlineMs = Date.now() + 45_000;
  do {
    const text = await scrape();
    missing = Object.entries(promised).flatMap(([metric, labels]) => {
      const found = labelsOf(text, metric);
      return found && Bun.deepEquals(found, labels.toSorted()) ? [] : [`${metric}{${found}}`];
    });
    if (missing.length > 0) await Bun.sleep(200);
  } while (missing.length > 0 && Date.now() < deadlineMs);
  expect(missing).toEqual([]);
}, 60_000);

test("answers that wait for a model server are counted, each second", async () => {
  await until(async () => figureOf(await scrape(), "answers_waiting") === 0, "the figure");
});

test("sockets are counted while they are open", async () => {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/socket`, {
    headers: { cookie: admin.cookie },
  } as unknown as string);
  await until(
    async () => figureOf(await scrape(), "websocket_active_connections") === 1,
    "the socket to count",
  );
  socket.close();
  await until(
    async () => figureOf(await scrape(), "websocket_active_connections") === 0,
    "the socket to be gone",
  );
});

test("on the main port metrics are for administrators and the scrape token alone", async () => {
  const status = async (headers: Record<string, string>) => {
    const response = await fetch(`${server.url}/metrics`, { headers });
    return [response.status, (await response.text()).includes("http_requests_total")];
  };
  const someone = await TestUser.register(server);
  expect(await status({})).toEqual([401, false]);
  expect(await status({ cookie: someone.cookie })).toEqual([403, false]);
  expect(await status({ authorization: "Bearer wrong" })).toEqual([401, false]);
  expect(await status({ cookie: admin.cookie })).toEqual([200, true]);
  expect(await status({ authorization: `Bearer ${token}` })).toEqual([200, true]);
  expect(await (await fetch(new URL("/api/v1/me", server.metricsUrl))).text()).toBe(
    "There is only /metrics here.\n",
  );
});

test("a real Prometheus scrapes both ports, and finds the figures of the routes", async () => {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-prometheus-"));
  const port = await freePort();
  await Bun.write(
    join(directory, "prometheus.yml"),
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: own-port
    static_configs: [{ targets: ["${new URL(server.metricsUrl).host}"] }]
  - job_name: main-port
    authorization: { credentials: ${token} }
    static_configs: [{ targets: ["${new URL(server.url).host}"] }]
`,
  );
  const prometheus = Bun.spawn(
    [
      "prometheus",
      `--config.file=${join(directory, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  try {
    const query = async (
      expression: string,
    ): Promise<{ metric: object; value: [number, string] }[]> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const response = await fetch(url).catch(() => null);
      return response?.ok ? ((await response.json()) as never as Answer).data.result : [];
    };
    await until(
      async () => (await query("up == 1")).length === 2,
      "Prometheus to scrape both ports",
    );
    const [registered] = await query(
      'http_requests_total{job="own-port",endpoint="/api/v1/auth/register",status_code="201"}',
    );
    expect(Number(registered?.value[1])).toBeGreaterThanOrEqual(2);
    expect(await query('database_query_duration_seconds_count{table="users"}')).not.toEqual([]);
  } finally {
    prometheus.kill();
    await prometheus.exited;
    rmSync(directory, { recursive: true, force: true });
  }
}, 30_000);

test("figures are kept, and are there again after a restart", async () => {
  const sql = new SQL({ url: server.databaseUrl, max: 1 });
  const { id } = await admin.newConversation();
  for (let i = 0; i < 20; i++) await admin.json(`/api/v1/conversations/${id}`);
  await server.restart();
  const saved = await sql`
    select step, count(*)::int as slots, max(length(data))::int as bytes
    from metric_slots join metric_servers on id = server_id where name = 'test-server'
    group by step order by step`;
  expect(saved.map((row: { step: number }) => row.step)).toEqual([1, 15, 300]);
  for (const { bytes } of saved) expect(bytes).toBeWithin(10, 4000);
  await sql.close();
});

test("without METRICS_ENABLED there are none, and the server serves", async () => {
  const plain = await startTestServer({ METRICS_ENABLED: "false" });
  try {
    const user = await TestUser.register(plain);
    expect(await user.error("/metrics")).toMatchObject({ status: 404 });
    expect(plain.metricsUrl).toBe("");
  } finally {
    await plain.stop();
  }
});

type Answer = { data: { result: { metric: object; value: [number, string] }[] } };
