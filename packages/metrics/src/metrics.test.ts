import { expect, spyOn, test } from "bun:test";
import { Metrics } from "./metrics.ts";
import { series } from "./windows/series.ts";

function filled(): Metrics {
  const metrics = new Metrics({ version: "1.2.3" });
  const record = metrics.http.endpoint("GET", "/api/v1/conversations/:id");
  record(200, 0.003);
  record(200, 2);
  record(200, 2.1);
  record(503, 0.0001);
  metrics.database.onQuery({
    name: "conversations.list",
    durationMs: 1.5,
    waitMs: 0,
    target: "primary",
  });
  metrics.database.onQuery({
    name: "messages.get",
    durationMs: 30,
    waitMs: 60,
    target: "primary",
    error: { code: "unavailable" },
  });
  metrics.watchPool(() => ({ active: 3, waiting: 1, size: 50 }));
  metrics.watchCache(() => ({ ai_response: { hits: 3, misses: 1 } }));
  const answer = metrics.models.begin("a-model");
  answer.firstToken(0.2);
  for (let i = 0; i < 11; i++) answer.token();
  answer.end(11, 1);
  metrics.models.begin("a-model").failed("model_timeout");
  const pool = metrics.balancer.pool("models");
  pool.onPick({ id: "a:1" }, 5);
  pool.onFirstByte({ id: "a:1" }, 100);
  pool.onEnd({ id: "a:1" }, "succeeded");
  metrics.balancer.watchServers("models", () => [
    { id: "a:1", state: "ejected", inFlight: 0, latencyMs: 0 },
    { id: "b:1", state: "up", inFlight: 3, latencyMs: 250 },
  ]);
  pool.onEjection({ server: { id: "a:1" }, reason: "failures" });
  pool.onQueue({ interactive: 1, background: 2 });
  metrics.onRefused("low", "pressure");
  metrics.onAdmitted("read", 0);
  metrics.onAdmitted("read", 300);
  metrics.onAlertState("slow", "warning", "firing");
  metrics.system.onReading({
    cpu: { fraction: 0.5 },
    memory: { fraction: 0.25, processBytes: 1e8 },
    disk: { fraction: 0.1 },
    eventLoop: { meanDelayMs: 2, maxDelayMs: 30 },
    files: { open: 20, limit: 1024 },
  });
  metrics.system.take({
    sockets: 7,
    runningAnswers: 2,
    waitingAnswers: 5,
    waitingRequests: 3,
    inFlight: 4,
    limit: 64,
    waitingStatements: 1,
    activeStatements: 3,
    pressure: 0,
  });
  metrics.freshness.onPurge("failed", 2);
  metrics.freshness.take({
    invalidations: { lagSeconds: 0.15, lagRecords: 2, resyncs: 1 },
    replicas: [{ name: "standby:5432", lagSeconds: 7 }],
    purges: { waiting: 3, failing: 1, delaySeconds: 90 },
    certificates: [{ name: "chat.example.org", notAfterMs: 1_900_000_000_000 }],
  });
  metrics.watchTraces(() => ({ exported: 40, dropped: 3, refused: 2, waiting: 1 }));
  return metrics;
}

test("a second without a reading of its own has the last one, and not for long", () => {
  const metrics = filled();
  metrics.recorder.take();
  const cpuOf = () => {
    metrics.beforeEach();
    return metrics.recorder.take().values.get(series.cpu);
  };
  metrics.watchLive(() => ({
    sockets: 0,
    runningAnswers: 0,
    waitingAnswers: 0,
    waitingRequests: 0,
    inFlight: 0,
    limit: 1,
    waitingStatements: 0,
    activeStatements: 0,
    pressure: 0,
  }));
  expect(cpuOf()).toMatchObject({ count: 1, sum: 0.5 });
  expect(cpuOf()).toMatchObject({ count: 1, sum: 0.5 });
  const now = spyOn(performance, "now").mockReturnValue(performance.now() + 10_000);
  try {
    expect(cpuOf()).toBeUndefined();
  } finally {
    now.mockRestore();
  }
});

test("promtool finds nothing to say against it", async () => {
  const text = await filled().exposition.render();
  const promtool = Bun.spawn(["promtool", "check", "metrics"], {
    stdin: new Blob([text]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const output =
    (await new Response(promtool.stdout).text()) + (await new Response(promtool.stderr).text());
  expect(output).toBe("");
  expect(await promtool.exited).toBe(0);
});

test("figures stand under the names and labels that the field knows", async () => {
  const lines = (await filled().exposition.render()).split("\n");
  const endpoint = 'method="GET",endpoint="/api/v1/conversations/:id"';
  for (const line of [
    `http_requests_total{${endpoint},status_code="200"} 3`,
    `http_request_duration_seconds_bucket{le="2",${endpoint},status_code="200"} 2`,
    `http_request_duration_seconds_bucket{le="5",${endpoint},status_code="200"} 3`,
    `http_request_duration_seconds_count{${endpoint},status_code="503"} 1`,
    'database_query_duration_seconds_count{query_type="list",table="conversations"} 1',
    "database_up 0",
    'database_errors_total{code="unavailable"} 1',
    'database_pool_connections{state="waiting"} 1',
    'cache_hit_ratio{cache_type="ai_response"} 0.75',
    'cache_hits_total{cache_type="ai_response"} 3',
    'model_time_to_first_token_seconds_bucket{le="0.2",model="a-model"} 1',
    'model_answer_tokens_per_second_sum{model="a-model"} 10',
    'model_errors_total{model="a-model",code="model_timeout"} 1',
    'balancer_server_state{pool="models",server="a:1",state="ejected"} 1',
    'balancer_server_state{pool="models",server="b:1",state="up"} 1',
    'balancer_server_state{pool="models",server="b:1",state="ejected"} 0',
    'balancer_server_in_flight{pool="models",server="b:1"} 3',
    'balancer_server_latency_seconds{pool="models",server="b:1"} 0.25',
    "cache_invalidation_lag_seconds 0.15",
    'database_replication_lag_seconds{replica="standby:5432"} 7',
    "cdn_purges_waiting 3",
    "cdn_purge_delay_seconds 90",
    'cdn_purges_total{result="failed"} 2',
    'tls_certificate_not_after_seconds{name="chat.example.org"} 1900000000',
    'alert_state{alert="slow",severity="warning"} 2',
    "websocket_active_connections 7",
    'http_requests_wait_seconds_bucket{le="0.001",priority="read"} 1',
    'http_requests_wait_seconds_bucket{le="1",priority="read"} 2',
    'http_requests_refused_total{priority="low",reason="pressure"} 1',
    "answers_running 2",
    "answers_waiting 5",
    "event_loop_delay_seconds 0.002",
    'balancer_queue_length{pool="models",priority="background"} 2',
    'balancer_wait_seconds_sum{pool="models"} 0.005',
    'model_requests_total{model="a-model"} 2',
    'model_tokens_total{model="a-model"} 11',
    'database_pool_wait_seconds_bucket{le="0.05"} 1',
    "trace_spans_exported_total 40",
    'trace_spans_dropped_total{reason="queue_full"} 3',
    'trace_spans_dropped_total{reason="refused"} 2',
  ]) {
    expect(lines).toContain(line);
  }
});

test("what is recorded stands in the second too, and only in that one", () => {
  const metrics = filled();
  metrics.beforeEach();
  const slot = metrics.recorder.take();
  expect(Object.fromEntries(slot.counts)).toMatchObject({
    "http.requests": 4,
    "http.errors": 1,
    "http.refused": 1,
    "cache.hits/ai_response": 3,
    "model.tokens": 11,
    "model.errors/model_timeout": 1,
  });
  expect(slot.times.get("http.time")?.count).toBe(4);
  expect(slot.values.get("db.query/messages.get")).toEqual({ count: 1, sum: 0.03, max: 0.03 });
  metrics.beforeEach();
  expect(metrics.recorder.take().counts.size).toBe(0);
});

test("label sets are bounded, what overflows is counted as other, and that it did is told", async () => {
  const metrics = new Metrics({ version: "1" });
  for (let i = 0; i < 2000; i++) metrics.http.endpoint("GET", `/made/up/${i}`)(200, 0.01);
  const text = await metrics.exposition.render();
  expect(text).toContain(
    'http_requests_total{method="other",endpoint="other",status_code="other"} 1500',
  );
  expect(text).toContain('metrics_overflow_total{metric="http_requests_total"} 1500');
  expect(text.match(/^http_requests_total/gm)).toHaveLength(501);
});

test("series of the windows are bounded too, and what overflows is told", async () => {
  const metrics = new Metrics({ version: "1" });
  const before = metrics.recorder.take().counts.size;
  for (let i = 0; i < 600; i++) metrics.recorder.count(`made up ${i}`).value++;
  const { counts } = metrics.recorder.take();
  expect(before).toBe(0);
  expect(counts.size).toBeLessThanOrEqual(501);
  expect(counts.get("other")).toBeGreaterThan(99);
  const text = await metrics.exposition.render();
  expect(text).toContain(`metrics_overflow_total{metric="windows"} ${counts.get("other")}`);
});

test("one metric of ten thousand lines is rendered in pieces, and whole", async () => {
  const metrics = new Metrics({ version: "1" });
  for (let i = 0; i < 500; i++) {
    const record = metrics.http.endpoint("GET", `/e/${i}`);
    for (const status of [200, 304]) record(status, 0.01);
  }
  // Every piece takes longer than others should wait.
  let nowMs = 0;
  const clock = spyOn(performance, "now").mockImplementation(() => {
    nowMs += 10;
    return nowMs;
  });
  let turns = 0;
  const turn = () => {
    turns++;
    pending = setImmediate(turn);
  };
  let pending = setImmediate(turn);
  const text = await metrics.exposition.render().finally(() => {
    clearImmediate(pending);
    clock.mockRestore();
  });
  const lines = text.split("\n");
  const ofOne = lines.filter((line) => line.startsWith("http_request_duration_seconds"));
  expect(ofOne).toHaveLength(501 * 17);
  // A metric's lines stand together, with one head: so the format has it.
  expect(lines.filter((line) => line.includes("TYPE http_request_duration"))).toHaveLength(1);
  const first = lines.findIndex((line) => line.startsWith("http_request_duration_seconds"));
  expect(lines.slice(first, first + ofOne.length)).toEqual(ofOne);
  const metricsCount = lines.filter((line) => line.startsWith("# TYPE")).length;
  expect(turns).toBeGreaterThan(metricsCount + 4);
});

test("a scrape of ten thousand lines lets others go first", async () => {
  const metrics = new Metrics({ version: "1" });
  for (let i = 0; i < 500; i++) {
    metrics.http.endpoint("GET", `/e/${i}`)(200, 0.01);
    metrics.database.onQuery({ name: `t${i}.q`, durationMs: 1, waitMs: 0, target: "primary" });
  }
  // Warm, as a server that is scraped is.
  for (let i = 0; i < 3; i++) await metrics.exposition.render();
  let turns = 0;
  const turn = () => {
    turns++;
    pending = setImmediate(turn);
  };
  let pending = setImmediate(turn);
  const text = await metrics.exposition.render();
  clearImmediate(pending);
  expect(text.split("\n").length).toBeGreaterThan(10_000);
  expect(turns).toBeGreaterThan(1);
});
