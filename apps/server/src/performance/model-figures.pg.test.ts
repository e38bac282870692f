import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ModelServer, startModelServer } from "@peregrine/e2e/model-server";
import type { ModelPerformanceBody } from "@peregrine/protocol";
import {
  allEvents,
  startTestServer,
  type TestServer,
  TestUser,
  until,
} from "../testing/test-server.ts";

/** Answers at once; the other one fails each question. */
let well: ModelServer;
let ill: ModelServer;
let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  well = startModelServer();
  ill = startModelServer();
  ill.always({ status: 500 });
  server = await startTestServer({
    MODEL_SERVERS: `${well.url},${ill.url};id=ill`,
    // Titles wait while a machine has much to do, and are counted here.
    MEMORY_THRESHOLD: "1",
    CPU_THRESHOLD: "1",
  });
  admin = await TestUser.register(server);
}, 30_000);

afterAll(async () => {
  await server.stop();
  well.stop();
  ill.stop();
}, 30_000);

/** Questions, those for titles included. */
const asked = (models: ModelServer) =>
  models.requests.filter(({ path }) => path.endsWith("/chat/completions")).length;

test("each model server is told with what it did, and where questions failed", async () => {
  const look = () => admin.json<ModelPerformanceBody>("/api/v1/performance/models");
  expect((await look()).servers.map(({ figures }) => figures)).toEqual([null, null]);
  // A conversation keeps to a server, so that of several some begin at each.
  let conversations = 0;
  while (asked(ill) === 0 || conversations < 3) {
    conversations++;
    const { id } = await admin.newConversation();
    await allEvents(await admin.ask(id, "{{tokens=10}}"));
  }
  await until(
    () => asked(well) === 2 * conversations && well.openStreams === 0,
    "an answer and a title for each",
  );
  // A stop saves what is not 15 s old yet.
  await server.restart();
  const { servers } = await look();
  const [first, second] = servers;
  expect(servers.map(({ id, inFlight }) => [id, inFlight])).toEqual([
    [well.url, 0],
    ["ill", 0],
  ]);
  expect(first?.figures).toMatchObject({ requests: asked(well), errors: 0 });
  expect(first?.figures?.first_token.p50).toBeGreaterThan(0);
  expect(first?.figures?.first_token.p95).toBeGreaterThanOrEqual(
    first?.figures?.first_token.p50 ?? Number.NaN,
  );
  expect(first?.figures?.tokens).toBeGreaterThan(0);
  expect(second?.figures).toEqual({
    requests: asked(ill),
    errors: asked(ill),
    first_token: { p50: null, p95: null },
    tokens: 0,
  });
}, 30_000);
