import { afterEach, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RandomIds } from "./random-ids.ts";
import { createSampler, randomnessOf } from "./sampler.ts";
import { type FinishedSpan, Span } from "./span.ts";
import { SpanExporter } from "./span-exporter.ts";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";
import { Tracer } from "./tracer.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release();
});

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error(`waited 10 s for ${what}`);
    await sleep(5);
  }
}

test("a traceparent is read as the standard has it, and written as it was read", () => {
  const header = `00-${traceId}-${spanId}-01`;
  expect(parseTraceparent(header)).toEqual({ traceId, spanId, isSampled: true });
  expect(formatTraceparent({ traceId, spanId, isSampled: true })).toBe(header);
  expect(parseTraceparent(`00-${traceId}-${spanId}-00`)?.isSampled).toBe(false);
  // A later version may have more behind.
  expect(parseTraceparent(`01-${traceId}-${spanId}-01-more`)?.traceId).toBe(traceId);
});

test.each([
  "",
  "rubbish",
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01-more`,
  `ff-${traceId}-${spanId}-01`,
  `00-${"0".repeat(32)}-${spanId}-01`,
  `00-${traceId}-${"0".repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
])("%j is no traceparent", (header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test("samplers follow the caller where their name says so, and go by the trace's id otherwise", () => {
  const kept = { traceId, spanId, isSampled: true };
  const dropped = { traceId, spanId, isSampled: false };
  const greatest = randomnessOf("f".repeat(32));
  expect(createSampler("always_on", 0)(greatest, dropped)).toBe(true);
  expect(createSampler("always_off", 1)(0, kept)).toBe(false);
  expect(createSampler("parentbased_always_off", 1)(0, kept)).toBe(true);
  expect(createSampler("parentbased_always_off", 1)(0, undefined)).toBe(false);
  expect(createSampler("parentbased_always_on", 1)(0, dropped)).toBe(false);
  const ratio = createSampler("traceidratio", 0.25);
  const low = "0".repeat(18);
  expect(ratio(randomnessOf(`${low}3ff00000000000`), undefined)).toBe(true);
  expect(ratio(randomnessOf(`${low}40000000000000`), kept)).toBe(false);
  expect(createSampler("traceidratio", 1)(greatest, undefined)).toBe(true);
  expect(createSampler("traceidratio", 0)(0, undefined)).toBe(false);
});

function openTracer(sampler: Parameters<typeof createSampler>[0] = "parentbased_always_on") {
  const spans: FinishedSpan[] = [];
  const tracer = new Tracer({
    sampler: createSampler(sampler, 1),
    onEnd: (span) => void spans.push(span),
  });
  return { tracer, spans };
}

test("a trace is kept or not by what its id says, and its id is nobody else's", () => {
  const ids = new RandomIds();
  const seen = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    const at = ids.take(16);
    const text = ids.text(at, 16);
    expect(text).toMatch(/^[0-9a-f]{32}$/);
    expect(ids.randomness(at)).toBe(randomnessOf(text));
    seen.add(text);
  }
  expect(seen.size).toBe(1000);
  let kept = 0;
  const ratio = createSampler("traceidratio", 0.25);
  const tracer = new Tracer({ sampler: ratio, onEnd: () => {} });
  for (let i = 0; i < 4000; i++) {
    const span = tracer.begin(undefined, () => ({ name: "x" })) as Span | undefined;
    if (!span) continue;
    kept++;
    expect(ratio(randomnessOf(span.traceId), undefined)).toBe(true);
  }
  // 1,000 are expected; 27 is the standard deviation.
  expect(kept).toBeWithin(800, 1200);
});

test("spans hang beneath the work that they are made in, over awaits and side by side", async () => {
  const { tracer, spans } = openTracer();
  const request = async (name: string) => {
    const root = tracer.begin(undefined, () => ({ name })) as Span;
    await tracer.under(root, async () => {
      await sleep(1);
      const inner = tracer.child({ name: `${name} inner` }) as Span;
      await tracer.under(inner, async () => {
        await sleep(1);
        tracer.ended({ name: `${name} innermost` }, 5);
      });
      inner.end();
      inner.end();
    });
    root.end();
    return root;
  };
  const roots = await Promise.all([request("a"), request("b")]);
  expect(spans).toHaveLength(6);
  for (const [i, name] of ["a", "b"].entries()) {
    const of = (rest: string) => spans.find((span) => span.shape.name === name + rest);
    expect(of("")).toMatchObject({ traceId: roots[i]?.traceId, parentSpanId: undefined });
    expect(of(" inner")?.parentSpanId).toBe(of("")?.spanId);
    expect(of(" innermost")?.parentSpanId).toBe(of(" inner")?.spanId);
    expect(of(" innermost")?.traceId).toBe(roots[i]?.traceId);
  }
  expect(new Set(spans.map((span) => span.spanId)).size).toBe(6);
});

test("a trace that is not kept makes nothing, and is passed on as not kept", () => {
  const { tracer, spans } = openTracer("always_off");
  const caller = { traceId, spanId, isSampled: true };
  const context = tracer.begin(caller, () => {
    throw new Error("was asked");
  });
  expect(context).toEqual({ traceId, spanId, isSampled: false });
  expect(context instanceof Span).toBe(false);
  tracer.under({ traceId, spanId, isSampled: false }, () => {
    expect(tracer.child({ name: "inside" })).toBeUndefined();
    tracer.ended({ name: "ended" }, 1);
  });
  expect(tracer.begin(undefined, () => ({ name: "x" }))).toBeUndefined();
  expect(spans).toEqual([]);
});

test("what stands first passes on what it does not keep, so that others do not draw anew", () => {
  const spans: FinishedSpan[] = [];
  const tracer = new Tracer({
    sampler: createSampler("traceidratio", 0.5),
    onEnd: (span) => void spans.push(span),
    standsFirst: true,
  });
  const follows = createSampler("parentbased_always_on", 1);
  const again = createSampler("traceidratio", 0.5);
  for (let i = 0; i < 50; i++) {
    const context = tracer.begin(undefined, () => ({ name: "x" }));
    const told = parseTraceparent(context && formatTraceparent(context));
    expect(told).toBeDefined();
    const isKept = context instanceof Span;
    const randomness = randomnessOf(told?.traceId ?? "");
    expect(follows(randomness, told)).toBe(isKept);
    expect(again(randomness, told)).toBe(isKept);
  }
});

test("what is set after a span's end is left out of it", () => {
  const { tracer, spans } = openTracer();
  const span = tracer.begin(undefined, () => ({ name: "x" })) as Span;
  span.set("before", 1);
  span.end();
  span.set("after", 1);
  expect(spans[0]?.attributes).toEqual({ before: 1 });
});

function aSpan(name: string): FinishedSpan {
  return {
    traceId,
    spanId,
    parentSpanId: undefined,
    shape: { name, kind: "client", attributes: { 'of "all"': "t\n" } },
    startMs: 1_800_000_000_000.5,
    endMs: 1_800_000_000_002.25,
    attributes: { text: "ü".repeat(300), count: 3, share: 0.5, none: Number.NaN, yes: true },
    error: "unavailable",
  };
}

/** A collector that answers what it is told to. */
function listen() {
  const collector = { status: 200, bodies: [] as string[], headers: new Headers() };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      collector.headers = request.headers;
      collector.bodies.push(await request.text());
      return new Response("{}", { status: collector.status });
    },
  });
  releases.push(() => server.stop(true));
  return { collector, url: `http://127.0.0.1:${server.port}/v1/traces` };
}

function openExporter(url: string, everyMs = 5) {
  const states: string[] = [];
  const exporter = new SpanExporter({
    url,
    everyMs,
    headers: { "x-key": "secret" },
    resource: { "service.name": "test" },
    onStateChange: (error) => states.push(error?.message ?? "well"),
  });
  releases.push(() => exporter.close());
  return { exporter, states };
}

test("a collector gets spans in the form of OTLP", async () => {
  const { collector, url } = listen();
  const { exporter } = openExporter(url);
  exporter.add(aSpan("users.find"));
  await until(() => exporter.figures().exported === 1, "the export");
  expect(collector.headers.get("content-type")).toBe("application/json");
  expect(collector.headers.get("x-key")).toBe("secret");
  expect(JSON.parse(collector.bodies[0] ?? "")).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "test" } }] },
        scopeSpans: [
          {
            scope: { name: "peregrine" },
            spans: [
              {
                traceId,
                spanId,
                name: "users.find",
                kind: 3,
                startTimeUnixNano: "1800000000000500000",
                endTimeUnixNano: "1800000000002250000",
                attributes: [
                  { key: 'of "all"', value: { stringValue: "t\n" } },
                  { key: "text", value: { stringValue: "ü".repeat(200) } },
                  { key: "count", value: { intValue: "3" } },
                  { key: "share", value: { doubleValue: 0.5 } },
                  { key: "none", value: { doubleValue: "NaN" } },
                  { key: "yes", value: { boolValue: true } },
                  { key: "error.type", value: { stringValue: "unavailable" } },
                ],
                status: { code: 2 },
              },
            ],
          },
        ],
      },
    ],
  });
});

test("a collector that is away costs bounded memory, is told of once, and gets what was kept", async () => {
  const { collector, url } = listen();
  collector.status = 503;
  const { exporter, states } = openExporter(url);
  for (let i = 0; i < 5_000; i++) exporter.add(aSpan(`s${i}`));
  await until(() => states.length > 0, "the failure");
  expect(exporter.figures()).toEqual({
    exported: 0,
    dropped: 2_952,
    refused: 0,
    waiting: 2_048,
  });
  collector.status = 200;
  await until(() => exporter.figures().exported === 2_048, "the rest");
  expect(states).toEqual(["it answered 503", "well"]);
  const names = collector.bodies
    .slice(-4)
    .flatMap((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans)
    .map((span: { name: string }) => span.name);
  expect(names).toEqual(Array.from({ length: 2_048 }, (_, i) => `s${i}`));
});

test("what a collector refuses for good is dropped, and those after it go out", async () => {
  const { collector, url } = listen();
  collector.status = 400;
  const { exporter, states } = openExporter(url);
  exporter.add(aSpan("bad"));
  await until(() => exporter.figures().refused === 1, "the refusal");
  collector.status = 200;
  exporter.add(aSpan("good"));
  await until(() => exporter.figures().exported === 1, "the next");
  expect(states).toEqual(["it answered 400", "well"]);
});

test("closing sends what is left; with nobody there it ends all the same", async () => {
  const { url } = listen();
  const { exporter } = openExporter(url, 60_000);
  exporter.add(aSpan("last"));
  await exporter.close();
  expect(exporter.figures()).toEqual({ exported: 1, dropped: 0, refused: 0, waiting: 0 });
  const { exporter: lonely } = openExporter("http://127.0.0.1:1/v1/traces", 60_000);
  lonely.add(aSpan("lost"));
  await lonely.close();
  expect(lonely.figures().exported).toBe(0);
});
