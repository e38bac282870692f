import { afterEach, expect, test } from "bun:test";
import type { Edge } from "../edge.ts";
import { RawClient } from "../testing/raw-client.ts";
import { RecordingUpstream } from "../testing/recording-upstream.ts";
import { eventually, startTestEdge } from "../testing/test-edge.ts";

type Sent = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  status: { code?: number };
  attributes: {
    key: string;
    value: { stringValue?: string; intValue?: string; doubleValue?: number };
  }[];
};

const traceId = "0af7651916cd43dd8448eb211c80319c";
const caller = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${caller}-01`;
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** What collects spans: keeps them, and what services they come from. */
function startCollector(status = 200) {
  const collected = { spans: [] as Sent[], bodies: "", url: "" };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = await request.text();
      collected.bodies += body;
      for (const { scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const { spans } of scopeSpans) collected.spans.push(...spans);
      }
      return Response.json({}, { status });
    },
  });
  cleanUps.push(() => server.stop(true));
  collected.url = `http://127.0.0.1:${server.port}`;
  return collected;
}

async function startUpstream(): Promise<RecordingUpstream> {
  const upstream = await RecordingUpstream.start();
  cleanUps.push(() => upstream.stop());
  return upstream;
}

async function startEdge(
  servers: readonly { id: string; url: string }[],
  environment: Record<string, string>,
): Promise<Edge> {
  const edge = await startTestEdge({
    servers,
    environment: { LOAD_BALANCER_ALGORITHM: "round_robin", ...environment },
  });
  cleanUps.push(() => edge.stop());
  return edge;
}

function attributesOf({ attributes }: Sent): Record<string, string | number | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue ? Number(value.intValue) : value.doubleValue),
    ]),
  );
}

const toldOf = (upstream: RecordingUpstream, at = -1) =>
  upstream.requests.at(at)?.headers.find(([name]) => name === "traceparent")?.[1];

test("a request hangs beneath its caller, and what it is passed on to beneath the request", async () => {
  const collector = startCollector();
  const upstream = await startUpstream();
  const edge = await startEdge([{ id: "a", url: upstream.url }], {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  await fetch(`${edge.url}/secret?key=hidden`, { method: "POST", headers: { traceparent } });
  // A stop sends what is left.
  await edge.stop();
  expect(collector.spans).toHaveLength(1);
  const [span] = collector.spans as [Sent];
  expect(span).toMatchObject({ traceId, parentSpanId: caller, name: "POST", kind: 2, status: {} });
  expect(toldOf(upstream)).toBe(`00-${traceId}-${span.spanId}-01`);
  const attributes = attributesOf(span);
  expect(attributes).toMatchObject({
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "peregrine.server": "a",
    "peregrine.tries": 1,
    "peregrine.queue_wait_ms": 0,
  });
  expect(attributes["peregrine.first_byte_ms"]).toBeGreaterThan(0);
  expect(collector.bodies).toContain("peregrine-edge");
  for (const word of ["secret", "hidden"]) expect(collector.bodies).not.toContain(word);
});

test("a span says what the cache did, and what had to be tried again", async () => {
  const collector = startCollector();
  const a = await startUpstream();
  a.respond = () => "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
  const b = await startUpstream();
  b.respond = () => ok.replace("\r\n", "\r\nCache-Control: public, max-age=60\r\n");
  const edge = await startEdge(
    [
      { id: "a", url: a.url },
      { id: "b", url: b.url },
    ],
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  );
  // One of the first two begins at the server that fails.
  for (const path of ["/1", "/2", "/1"]) await (await fetch(edge.url + path)).text();
  await edge.stop();
  const spans = collector.spans.map(attributesOf);
  expect(spans.map((each) => each["peregrine.edge_cache"])).toEqual(["miss", "miss", "hit"]);
  expect(spans.map((each) => each["peregrine.server"])).toEqual(["b", "b", undefined]);
  const tries = spans.reduce((sum, each) => sum + Number(each["peregrine.tries"] ?? 0), 0);
  expect(tries).toBe(a.requests.length + b.requests.length);
  expect(a.requests.length).toBeGreaterThan(0);
  // Each request is a trace of its own.
  expect(new Set(collector.spans.map((span) => span.traceId)).size).toBe(3);
  for (const [i, upstream] of [
    [0, b],
    [1, b],
  ] as const) {
    expect(toldOf(upstream, i)).toBe(
      `00-${collector.spans[i]?.traceId}-${collector.spans[i]?.spanId}-01`,
    );
  }
});

test("what fails says so: no server, a server's error, a client that leaves", async () => {
  const collector = startCollector();
  const upstream = await startUpstream();
  upstream.respond = ({ line }) =>
    line.startsWith("POST /fails")
      ? "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
      : "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
  const edge = await startEdge([{ id: "a", url: upstream.url }], {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  await fetch(`${edge.url}/fails`, { method: "POST" });
  const client = await RawClient.connect(edge.url);
  client.send("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await client.until((text) => text.includes("half"));
  client.close();
  await eventually(() => edge.pool.snapshot().servers[0]?.inFlight === 0, "it is noticed");
  await edge.pool.remove("a");
  await fetch(`${edge.url}/nobody`, { method: "POST" });
  await edge.stop();
  const errors = collector.spans.map((span) => [
    span.status.code,
    attributesOf(span)["error.type"],
    attributesOf(span)["http.response.status_code"],
  ]);
  expect(errors).toEqual([
    [2, "500", 500],
    [2, "left", 200],
    [2, "503", 503],
  ]);
});

test("a trace that the door does not keep is passed on as such, so that nobody keeps it", async () => {
  const collector = startCollector();
  const upstream = await startUpstream();
  const edge = await startEdge([{ id: "a", url: upstream.url }], {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: "parentbased_always_off",
  });
  await fetch(edge.url, { method: "POST" });
  expect(toldOf(upstream)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  await fetch(edge.url, { method: "POST", headers: { traceparent: `00-${traceId}-${caller}-00` } });
  expect(toldOf(upstream)).toBe(`00-${traceId}-${caller}-00`);
  await edge.stop();
  expect(collector.spans).toEqual([]);
});

test("spans that no collector gets are counted; without one there are no such figures", async () => {
  const refusing = startCollector(400);
  const upstream = await startUpstream();
  const edge = await startEdge([{ id: "a", url: upstream.url }], {
    OTEL_EXPORTER_OTLP_ENDPOINT: refusing.url,
  });
  const away = await startEdge([{ id: "a", url: upstream.url }], {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
  });
  const off = await startEdge([{ id: "a", url: upstream.url }], {});
  const scrape = async ({ adminUrl }: Edge) => (await fetch(`${adminUrl}/metrics`)).text();
  // A batch is full with 512, and all places are taken with 2,048.
  const ask = async (url: string, times: number) => {
    for (let i = 0; i < times; i += 100) {
      const some = Array.from({ length: Math.min(100, times - i) }, () =>
        fetch(url, { method: "OPTIONS" }).then((response) => response.text()),
      );
      await Promise.all(some);
    }
  };
  await ask(edge.url, 512);
  await eventually(
    async () => (await scrape(edge)).includes('trace_spans_dropped_total{reason="refused"} 512'),
    "the refusal is counted",
  );
  await ask(away.url, 2_058);
  expect(await scrape(away)).toContain('trace_spans_dropped_total{reason="queue_full"} 10');
  expect(await scrape(away)).toContain("trace_spans_waiting 2048");
  await ask(off.url, 1);
  expect(await scrape(off)).not.toContain("trace_spans");
  expect(toldOf(upstream)).toBeUndefined();
}, 30_000);
