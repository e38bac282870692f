import { afterEach, expect, test } from "bun:test";
import { Pool, type ServerSnapshot } from "@peregrine/balancer";
import type { Edge } from "../edge.ts";
import { startTestEdge } from "../testing/test-edge.ts";
import { LoadReports } from "./load-reports.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A server that reports this load with each answer, asked or not, and counts who asks. */
function startServer(cpu: number, runningAnswers: number, headers: Record<string, string> = {}) {
  const named = { event_loop_delay_ms: 0, running_answers: runningAnswers };
  const report = `JSON ${JSON.stringify({ cpu_utilization: cpu, named_metrics: named })}`;
  const seen = { url: "", requests: 0, questions: [] as (string | null)[] };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      if (request.url.endsWith("/ready")) return Response.json({ status: "ready" });
      seen.requests++;
      seen.questions.push(request.headers.get("endpoint-load-metrics-format"));
      return new Response("ok", { headers: { ...headers, "Endpoint-Load-Metrics": report } });
    },
  });
  cleanUps.push(() => server.stop(true));
  seen.url = `http://127.0.0.1:${server.port}`;
  return seen;
}

async function startEdge(urls: string[], algorithm: string): Promise<Edge> {
  const edge = await startTestEdge({ urls, environment: { LOAD_BALANCER_ALGORITHM: algorithm } });
  cleanUps.push(() => edge.stop());
  return edge;
}

const post = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", headers });

test("servers are asked for their load now and then, and chosen by what they say", async () => {
  const busy = startServer(0.9, 200);
  const idle = startServer(0.1, 0);
  const edge = await startEdge([busy.url, idle.url], "least_load");
  for (let i = 0; i < 100; i++) {
    const response = await post(edge.url);
    expect(response.headers.has("endpoint-load-metrics")).toBe(false);
  }
  // It took one answer of the busy one to know.
  expect(busy.requests).toBeLessThan(10);
  expect(idle.requests).toBeGreaterThan(90);
  expect(idle.questions[0]).toBe("JSON");
}, 20_000);

test("a server that was asked a moment ago is not asked again yet", () => {
  using pool = new Pool({ servers: [{ url: "http://a" }, { url: "http://b" }] });
  const reports = new LoadReports(pool);
  const [a, b] = pool.snapshot().servers as [ServerSnapshot, ServerSnapshot];
  const asks = (server: ServerSnapshot, nowMs: number) => reports.question(server, nowMs) !== "";
  expect([asks(a, 0), asks(a, 10), asks(b, 20), asks(a, 249), asks(a, 250)]).toEqual([
    true,
    false,
    true,
    false,
    true,
  ]);
});

test("by other algorithms nobody is asked, and a client can neither ask nor see the answer", async () => {
  const server = startServer(0.5, 1, { "cache-control": "public, max-age=60" });
  const edge = await startEdge([server.url], "round_robin");
  const asking = { "endpoint-load-metrics-format": "JSON" };
  expect((await post(edge.url, asking)).headers.has("endpoint-load-metrics")).toBe(false);
  // From the server, and then from the cache.
  for (let i = 0; i < 2; i++) {
    const response = await fetch(edge.url, { headers: asking });
    expect(response.headers.get("cache-status")).toContain(i === 0 ? "stored" : "hit");
    expect(response.headers.has("endpoint-load-metrics")).toBe(false);
  }
  expect(server.questions).toEqual([null, null]);
});

test("what is no report changes nothing", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      request.url.endsWith("/ready")
        ? Response.json({ status: "ready" })
        : new Response("ok", { headers: { "endpoint-load-metrics": "JSON {garbage" } }),
  });
  cleanUps.push(() => server.stop(true));
  const edge = await startEdge([`http://127.0.0.1:${server.port}`], "least_load");
  for (let i = 0; i < 3; i++) expect(await (await post(edge.url)).text()).toBe("ok");
});
