import { afterEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";
import type { Edge } from "./edge.ts";
import { RawClient } from "./testing/raw-client.ts";
import { RecordingUpstream } from "./testing/recording-upstream.ts";
import { TestAuthority } from "./testing/test-certificates.ts";
import { eventually, startTestEdge } from "./testing/test-edge.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startUpstream(answer?: RecordingUpstream["respond"]): Promise<RecordingUpstream> {
  const upstream = await RecordingUpstream.start();
  if (answer) upstream.respond = answer;
  cleanUps.push(() => upstream.stop());
  return upstream;
}

async function startEdge(options: Parameters<typeof startTestEdge>[0]): Promise<Edge> {
  const edge = await startTestEdge(options);
  cleanUps.push(() => edge.stop());
  return edge;
}

/** Two servers, `a` and `b`, that take turns. */
async function startTwo(a: RecordingUpstream, b: RecordingUpstream, environment = {}) {
  return startEdge({
    servers: [
      { id: "a", url: a.url },
      { id: "b", url: b.url },
    ],
    environment: { LOAD_BALANCER_ALGORITHM: "round_robin", ...environment },
  });
}

const scrape = async (edge: Edge) => (await fetch(`${edge.adminUrl}/metrics`)).text();

/** The value of one line of the exposition. */
function figureOf(text: string, line: string): number {
  const found = text.split("\n").find((candidate) => candidate.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? Number.NaN);
}

const pooled = (server: string) => `pool="servers",server="${server}"`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("requests are counted by who answered them, and by server and status", async () => {
  const a = await startUpstream();
  const b = await startUpstream(() => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  const edge = await startTwo(a, b);
  for (let i = 0; i < 6; i++) await fetch(`${edge.url}/${i}`, { method: "POST" });
  const bad = await RawClient.connect(edge.url);
  bad.send("GET / HTTP/1.1\r\n\r\n");
  await bad.closed();
  const text = await scrape(edge);
  for (const [line, value] of [
    ['edge_requests_total{source="server",status_code="200"}', 3],
    ['edge_requests_total{source="server",status_code="404"}', 3],
    ['edge_requests_total{source="door",status_code="400"}', 1],
    ['edge_server_responses_total{server="a",status_code="200"}', 3],
    ['edge_server_responses_total{server="b",status_code="404"}', 3],
    ['edge_first_byte_seconds_count{source="server"}', 6],
    [`balancer_picks_total{${pooled("a")}}`, 3],
    [`balancer_requests_total{${pooled("b")},end="succeeded"}`, 3],
    [`balancer_first_byte_seconds_count{${pooled("b")}}`, 3],
    [`balancer_server_state{${pooled("a")},state="up"}`, 1],
    ['balancer_queue_length{pool="servers",priority="interactive"}', 0],
  ] as const) {
    expect([line, figureOf(text, line)]).toEqual([line, value]);
  }
  const checks = `balancer_health_checks_total{${pooled("a")},result="passed"}`;
  expect(figureOf(text, checks)).toBeGreaterThanOrEqual(1);
});

test("what the cache did is counted, and what it keeps", async () => {
  const upstream = await startUpstream(() =>
    ok.replace("\r\n", "\r\nCache-Control: public, max-age=60\r\n"),
  );
  const edge = await startEdge({ urls: [upstream.url] });
  for (let i = 0; i < 5; i++) await (await fetch(`${edge.url}/kept`)).text();
  const text = await scrape(edge);
  expect(figureOf(text, 'edge_cache_requests_total{result="miss"}')).toBe(1);
  expect(figureOf(text, 'edge_cache_requests_total{result="hit"}')).toBe(4);
  expect(figureOf(text, 'edge_cache_entries{store="memory"}')).toBe(1);
  expect(figureOf(text, 'edge_requests_total{source="cache",status_code="200"}')).toBe(4);
  expect(figureOf(text, 'edge_requests_total{source="server",status_code="200"}')).toBe(1);
  expect(upstream.requests).toHaveLength(1);
  const figures = await (await fetch(`${edge.adminUrl}/edge/cache`)).json();
  expect(figures).toMatchObject({ memoryEntries: 1, results: { hit: 4, miss: 1 } });
});

test("tries elsewhere are counted by why, and a server that is put aside", async () => {
  const a = await startUpstream(() => "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
  const b = await startUpstream();
  const edge = await startTwo(a, b);
  await fetch(edge.url);
  await fetch(edge.url);
  let text = await scrape(edge);
  const failed = a.requests.length;
  expect(failed).toBeGreaterThanOrEqual(1);
  expect(figureOf(text, 'balancer_retries_total{pool="servers",reason="status"}')).toBe(failed);
  expect(figureOf(text, 'edge_server_responses_total{server="a",status_code="502"}')).toBe(failed);
  expect(figureOf(text, 'edge_requests_total{source="server",status_code="200"}')).toBe(2);

  await b.stop();
  await eventually(async () => {
    await fetch(edge.url, { method: "POST" });
    text = await scrape(edge);
    return figureOf(text, `balancer_ejections_total{${pooled("b")},reason="unreachable"}`) >= 1;
  }, "the server that is gone is put aside");
  expect(
    figureOf(text, 'balancer_retries_total{pool="servers",reason="unreachable"}'),
  ).toBeGreaterThanOrEqual(1);
  expect(figureOf(text, `balancer_server_state{${pooled("b")},state="ejected"}`)).toBe(1);
});

test("who waits for a server is counted while waiting, and how long it took", async () => {
  let held: Socket | undefined;
  const upstream = await startUpstream((_, socket) => {
    if (held) return ok;
    held = socket;
    return undefined;
  });
  const edge = await startEdge({
    urls: [upstream.url],
    environment: { EDGE_MAX_IN_FLIGHT: "1" },
  });
  const first = fetch(`${edge.url}/1`, { method: "POST" });
  await eventually(() => held !== undefined, "the first");
  const second = fetch(`${edge.url}/2`, { method: "POST" });
  const length = 'balancer_queue_length{pool="servers",priority="interactive"}';
  await eventually(async () => figureOf(await scrape(edge), length) === 1, "the second waits");
  held?.write(ok);
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  const text = await scrape(edge);
  expect(figureOf(text, length)).toBe(0);
  expect(figureOf(text, 'balancer_wait_seconds_count{pool="servers"}')).toBe(2);
  expect(figureOf(text, 'balancer_wait_seconds_sum{pool="servers"}')).toBeGreaterThan(0);
});

test("connections are counted while they are open: clients', servers' and WebSockets", async () => {
  const upstream = await startUpstream(
    () => "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  const edge = await startEdge({
    servers: [{ id: "a", url: upstream.url }],
    limits: { connectionsPerAddress: 2 },
  });
  const client = await RawClient.connect(edge.url);
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  await client.until((text) => text.includes(" 101 "));
  const second = await RawClient.connect(edge.url);
  const third = await RawClient.connect(edge.url);
  await third.closed();
  let text = await scrape(edge);
  expect(figureOf(text, "edge_client_connections")).toBe(2);
  expect(figureOf(text, "edge_websocket_connections")).toBe(1);
  expect(figureOf(text, 'edge_upstream_connections{server="a"}')).toBe(1);
  expect(figureOf(text, "edge_connections_refused_total")).toBe(1);
  expect(figureOf(text, 'edge_requests_total{source="server",status_code="101"}')).toBe(1);
  client.close();
  second.close();
  await eventually(async () => {
    text = await scrape(edge);
    return figureOf(text, "edge_client_connections") === 0;
  }, "both have left");
  expect(figureOf(text, "edge_websocket_connections")).toBe(0);
});

test("a server that is no longer listed leaves no series behind", async () => {
  const a = await startUpstream();
  const b = await startUpstream();
  const edge = await startTwo(a, b);
  for (let i = 0; i < 4; i++) await fetch(edge.url, { method: "POST" });
  expect(await scrape(edge)).toContain('server="b"');
  await edge.pool.remove("b");
  const text = await scrape(edge);
  expect(text).not.toContain('server="b"');
  expect(figureOf(text, 'edge_server_responses_total{server="a",status_code="200"}')).toBe(2);
});

test("promtool finds nothing to say against it, and it says when the certificate ends", async () => {
  const authority = new TestAuthority();
  cleanUps.push(() => authority.remove());
  const { cert, key } = authority.issue("DNS:chat.example.org,IP:127.0.0.1");
  const files = mkdtempSync(join(tmpdir(), "peregrine-tls-"));
  cleanUps.push(() => rmSync(files, { recursive: true }));
  const [certPath, keyPath] = [join(files, "door.crt"), join(files, "door.key")];
  writeFileSync(certPath, cert);
  writeFileSync(keyPath, key);
  const upstream = await startUpstream();
  const edge = await startEdge({
    urls: [upstream.url],
    environment: { EDGE_TLS_CERT: certPath, EDGE_TLS_KEY: keyPath },
  });
  await fetch(edge.url, { tls: { rejectUnauthorized: false } });
  const text = await scrape(edge);
  expect(figureOf(text, 'tls_certificate_not_after_seconds{name="chat.example.org"}')).toBe(
    new X509Certificate(cert).validToDate.getTime() / 1000,
  );
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

test("the figures need the administration port's token, and can be turned off", async () => {
  const upstream = await startUpstream();
  const guarded = await startEdge({
    urls: [upstream.url],
    environment: { EDGE_ADMIN_TOKEN: "letmein" },
  });
  const ask = (authorization?: string) =>
    fetch(`${guarded.adminUrl}/metrics`, { headers: authorization ? { authorization } : {} });
  expect((await ask()).status).toBe(401);
  expect((await ask("Bearer letmeout")).status).toBe(401);
  expect(await (await ask("Bearer letmein")).text()).toContain("peregrine_build_info");
  const off = await startEdge({
    urls: [upstream.url],
    environment: { METRICS_ENABLED: "false" },
  });
  expect((await fetch(off.url)).status).toBe(200);
  expect((await fetch(`${off.adminUrl}/metrics`)).status).toBe(404);
});

test("a real Prometheus scrapes them with the token, and has what the door counted", async () => {
  const upstream = await startUpstream();
  const edge = await startEdge({
    urls: [upstream.url],
    environment: { EDGE_ADMIN_TOKEN: "letmein" },
  });
  for (let i = 0; i < 7; i++) await fetch(edge.url, { method: "POST" });
  const directory = mkdtempSync(join(tmpdir(), "peregrine-prometheus-"));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  const config = join(directory, "prometheus.yml");
  writeFileSync(
    config,
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: peregrine-door
    authorization: { credentials: letmein }
    static_configs: [{ targets: ["${new URL(edge.adminUrl).host}"] }]
`,
  );
  const port = await freePort();
  const prometheus = Bun.spawn(
    [
      "prometheus",
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  cleanUps.push(() => {
    prometheus.kill();
    return prometheus.exited;
  });
  const query = async (expression: string): Promise<number | undefined> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) return undefined;
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    const value = data.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  };
  await eventually(async () => (await query("up")) === 1, "a scrape that went well");
  expect(await query('edge_requests_total{source="server",status_code="200"}')).toBe(7);
  expect(await query('edge_first_byte_seconds_bucket{source="server",le="60"}')).toBe(7);
}, 40_000);
