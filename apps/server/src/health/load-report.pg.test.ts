import { afterAll, beforeAll, expect, test } from "bun:test";
import { readLoadHeader } from "@peregrine/balancer";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  user = await TestUser.register(server);
});
afterAll(() => server.stop());

const asking = { "endpoint-load-metrics-format": "json" };
const reportOf = (response: Response) => response.headers.get("endpoint-load-metrics");

test("who asks for the load gets it with the answer, as a door reads it", async () => {
  const { id } = await user.newConversation();
  const path = `/api/v1/conversations/${id}`;
  const read = async () =>
    readLoadHeader(reportOf(await user.fetch(path, { headers: asking })) ?? "");
  expect(await read()).toMatchObject({ runningAnswers: 0 });
  expect((await read())?.cpuFraction).toBeWithin(0, 1.001);
  const answer = await user.ask(id, "{{tokens=600 rate=20}}");
  await until(async () => (await read())?.runningAnswers === 1, "the answer to be counted");
  await answer.body?.cancel();
});

test("nobody else gets it, and pages and failures have it as well", async () => {
  expect(reportOf(await user.fetch("/api/v1/me"))).toBeNull();
  const other = { "endpoint-load-metrics-format": "BIN" };
  expect(reportOf(await user.fetch("/api/v1/me", { headers: other }))).toBeNull();
  for (const path of ["/", "/api/v1/nothing"]) {
    expect(reportOf(await fetch(server.url + path, { headers: asking }))).toStartWith("JSON {");
  }
});
