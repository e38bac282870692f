import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEdgeProcess } from "@peregrine/e2e/edge-process";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  until,
} from "../testing/test-server.ts";

type Sent = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: { stringValue?: string; boolValue?: boolean } }[];
};

const traceId = "0af7651916cd43dd8448eb211c80319c";
const caller = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${caller}-01`;
const spans: Sent[] = [];
let bodies = "";
let collector: Bun.Server<undefined>;
let upstream: Bun.Server<undefined>;
const asked: (string | null)[] = [];
let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  collector = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      expect(new URL(request.url).pathname).toBe("/v1/traces");
      const body = await request.text();
      bodies += body;
      for (const { scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const { spans: sent } of scopeSpans) spans.push(...sent);
      }
      return Response.json({});
    },
  });
  // A model server that keeps what trace it was asked under.
  upstream = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      if (request.method === "GET") return Response.json({ data: [{ id: "m" }] });
      asked.push(request.headers.get("traceparent"));
      const delta = { choices: [{ index: 0, delta: { content: "Answered." } }] };
      const end = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
      return new Response(
        `data: ${JSON.stringify(delta)}\n\ndata: ${JSON.stringify(end)}\n\ndata: [DONE]\n\n`,
        { headers: { "content-type": "text/event-stream" } },
      );
    },
  });
  server = await startTestServer({
    MODEL_SERVERS: `http://127.0.0.1:${upstream.port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    OTEL_TRACES_SAMPLER: "parentbased_always_off",
  });
  user = await TestUser.register(server);
});
afterAll(async () => {
  await server.stop();
  await Promise.all([collector.stop(true), upstream.stop(true)]);
});

const attribute = ({ attributes }: Sent, name: string) =>
  attributes.find(({ key }) => key === name)?.value;
/** Not that of a title. */
const isInteractive = (span: Sent) =>
  attribute(span, "peregrine.priority")?.stringValue === "interactive";
const named = (name: string) => spans.filter((span) => span.name === name);

test("a request hangs beneath its caller, reads of the cache beneath it, statements beneath those", async () => {
  const { id } = await user.newConversation();
  const path = `/api/v1/conversations/${id}?secret=hidden`;
  await user.fetch(path.split("?", 1).join(), { headers: { traceparent } });
  await until(() => named("GET /api/v1/conversations/:id").length === 1, "the spans");
  const [request] = named("GET /api/v1/conversations/:id") as [Sent];
  expect(request).toMatchObject({ traceId, parentSpanId: caller, kind: 2 });
  const reads = named("cache conversation");
  expect(reads).toHaveLength(1);
  expect(reads[0]?.parentSpanId).toBe(request.spanId);
  expect(attribute(reads[0] as Sent, "peregrine.cache.hit")).toEqual({ boolValue: false });
  const statements = named("conversations.get");
  expect(statements.map((span) => [span.kind, span.parentSpanId])).toEqual([[3, reads[0]?.spanId]]);
  expect(bodies).not.toContain(id);
}, 60_000);

test("the model server is asked under the answer's span, which has no word of either side", async () => {
  const { id } = await user.newConversation();
  const response = await user.fetch(`/api/v1/conversations/${id}/messages`, {
    json: { content: "What is a peregrine?" },
    headers: { traceparent, accept: "text/event-stream" },
  });
  await allEvents(response);
  await until(() => named("chat m").some(isInteractive), "the model's span");
  const chat = named("chat m").find(isInteractive) as Sent;
  expect(chat).toMatchObject({ traceId, kind: 3 });
  expect(asked).toContain(`00-${traceId}-${chat.spanId}-01`);
  await until(() => named("answers.finish").length > 0, "the statement that saves it");
  for (const word of ["peregrine?", "Answered.", user.cookie, user.user.email]) {
    expect(bodies).not.toContain(word);
  }
}, 60_000);

test("one trace reaches from the door over the server to the database and the model", async () => {
  const door = await startEdgeProcess([server.url], {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
  });
  try {
    const throughDoor = user.at(door);
    const { id } = await throughDoor.newConversation();
    const response = await throughDoor.fetch(`/api/v1/conversations/${id}/messages`, {
      json: { content: "From end to end" },
      headers: { accept: "text/event-stream" },
    });
    await allEvents(response);
  } finally {
    // Sends what is left.
    await door.stop();
  }
  const isAsked = (span: Sent) => span.name === "POST /api/v1/conversations/:id/messages";
  const atDoors = spans.filter(
    (span) => attribute(span, "peregrine.server")?.stringValue === server.url,
  );
  // The door began the traces: nobody came with one.
  expect(atDoors.map(({ name, kind, parentSpanId }) => [name, kind, parentSpanId])).toEqual([
    ["POST", 2, undefined],
    ["POST", 2, undefined],
  ]);
  const [, atDoor] = atDoors as [Sent, Sent];
  const ofTrace = () => spans.filter((span) => span.traceId === atDoor.traceId);
  await until(() => ofTrace().some(isInteractive), "the model's span");
  await until(() => ofTrace().some(isAsked), "the server's span");
  const request = ofTrace().find(isAsked) as Sent;
  expect(request.parentSpanId).toBe(atDoor.spanId);
  const statement = ofTrace().find(({ name }) => name === "answers.ask") as Sent;
  const chat = ofTrace().find(isInteractive) as Sent;
  expect(statement).toMatchObject({ kind: 3, parentSpanId: request.spanId });
  expect(chat).toMatchObject({ kind: 3, parentSpanId: request.spanId });
  expect(asked).toContain(`00-${atDoor.traceId}-${chat.spanId}-01`);
}, 30_000);

test("what nobody traces makes no spans, and one that is not kept is passed on as such", async () => {
  const before = spans.length;
  const notKept = traceparent.replace(/01$/, "00");
  const { id } = await user.newConversation();
  const response = await user.fetch(`/api/v1/conversations/${id}/messages`, {
    json: { content: "Once more" },
    headers: { traceparent: notKept, accept: "text/event-stream" },
  });
  await allEvents(response);
  expect(asked).toContain(notKept);
  await server.stopServer();
  expect(spans).toHaveLength(before);
});
