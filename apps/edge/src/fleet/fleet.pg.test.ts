import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase, type TestDatabase } from "@peregrine/database/testing";
import { type ModelServer, startModelServer } from "@peregrine/e2e/model-server";
import type { ConversationBody, StreamEvent } from "@peregrine/protocol";
import { SseParser } from "@peregrine/protocol/sse";
import { RunningProgram } from "../testing/running-program.ts";
import { eventually } from "../testing/test-edge.ts";

const serverCount = 3;
let database: TestDatabase;
let models: ModelServer;
let program: RunningProgram;
let url: string;
let adminUrl: string;

beforeAll(async () => {
  database = await createTestDatabase();
  models = startModelServer();
  models.always({ tokens: 60, rate: 60 });
  program = new RunningProgram(["--servers", String(serverCount)], {
    PORT: "0",
    EDGE_ADMIN_PORT: "0",
    DATABASE_URL: database.url,
    DB_POOL_SIZE: "5",
    DB_MAX_OVERFLOW: "10",
    MODEL_SERVERS: models.url,
    MEMORY_THRESHOLD: "1",
    CPU_THRESHOLD: "1",
    SHUTDOWN_TIMEOUT: "5",
    BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
  });
  ({ url, adminUrl } = await program.ready());
}, 60_000);

afterAll(async () => {
  await program.stop();
  models.stop();
  await database.drop();
}, 60_000);

/** Somebody signed in, by the cookie of their session. */
async function register(name: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: `${name}@example.org`, password: "a good password", name }),
  });
  expect(response.status).toBe(201);
  return response.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
}

function post(path: string, cookie: string, body: object, accept = "*/*"): Promise<Response> {
  return fetch(`${url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", cookie, accept },
    body: JSON.stringify(body),
  });
}

/** Asks, follows the answer to its end, and says what was wrong with it. */
async function ask(cookie: string, conversation: string): Promise<string | undefined> {
  const path = `/conversations/${conversation}/messages`;
  const response = await post(path, cookie, { content: "go on" }, "text/event-stream");
  if (response.status !== 200 || !response.body) {
    return `status ${response.status}: ${await response.text()}`;
  }
  const parser = new SseParser();
  let text = "";
  let lastId = -1;
  let last: StreamEvent | undefined;
  for await (const piece of response.body) {
    for (const { id, data } of parser.push(piece)) {
      if (Number(id) <= lastId) return `event ${id} after ${lastId}`;
      lastId = Number(id);
      last = JSON.parse(data) as StreamEvent;
      if (last.type === "delta") text += last.text;
    }
  }
  if (last?.type !== "done") return `ended with ${JSON.stringify(last)}`;
  const numbers = [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  const isWhole = numbers.length === 60 && numbers.every((number, index) => number === index);
  return isWhole ? undefined : `not whole: ${text}`;
}

async function serverUrls(): Promise<string[]> {
  const { servers } = (await (await fetch(`${adminUrl}/edge/servers`)).json()) as {
    servers: { url: string }[];
  };
  return servers.map((server) => server.url);
}

test("all servers are replaced under answers and requests: none fails, none is cut", async () => {
  const cookies = await Promise.all(["ada", "bob", "eve", "dan"].map(register));
  const conversations = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const cookie = cookies[index % cookies.length] ?? "";
      const response = await post("/conversations", cookie, {});
      return { cookie, id: ((await response.json()) as ConversationBody).conversation.id };
    }),
  );
  const before = await serverUrls();
  let isDone = false;
  let answers = 0;
  let requests = 0;
  const problems: string[] = [];
  const asking = conversations.map(async ({ cookie, id }) => {
    while (!isDone) {
      const problem = await ask(cookie, id).catch(String);
      if (problem !== undefined) problems.push(problem);
      answers++;
    }
  });
  const requesting = Array.from({ length: 8 }, async (_, index) => {
    const headers = { cookie: cookies[index % cookies.length] ?? "" };
    while (!isDone) {
      const response = await fetch(`${url}/api/v1/conversations`, { headers });
      await response.text();
      if (response.status !== 200) problems.push(`list: ${response.status}`);
      requests++;
      await Bun.sleep(2);
    }
  });
  await eventually(() => models.openStreams > 20, "answers running");
  program.signal("SIGHUP");
  await program.line(({ msg }) => msg === "all servers are replaced", 60_000);
  isDone = true;
  await Promise.all([...asking, ...requesting]);

  expect(problems).toEqual([]);
  expect(answers).toBeGreaterThanOrEqual(conversations.length);
  expect(requests).toBeGreaterThan(100);
  const after = await serverUrls();
  expect(after).toHaveLength(serverCount);
  expect(after.filter((each) => before.includes(each))).toEqual([]);
}, 120_000);

test("a server that dies is started again, and requests go on meanwhile", async () => {
  const { pid } = program.lines.findLast(({ msg }) => msg === "a server is ready") as {
    pid?: number;
  };
  process.kill(pid ?? 0, "SIGKILL");
  await program.line(({ msg }) => msg === "a server died and is started again");
  for (let round = 0; round < 20; round++) {
    expect((await fetch(`${url}/api/v1/info`)).status).toBe(200);
  }
  await eventually(async () => (await serverUrls()).length === serverCount, "three again");
}, 120_000);

test("a server does not outlive the one who runs it", async () => {
  const other = new RunningProgram(["--servers", "1"], {
    PORT: "0",
    EDGE_ADMIN_PORT: "0",
    DATABASE_URL: database.url,
    MODEL_SERVERS: models.url,
  });
  await other.ready();
  const [server] = other.lines.filter(({ msg }) => msg === "a server is ready");
  other.signal("SIGKILL");
  await other.exited;
  const lives = () => {
    try {
      process.kill(Number(server?.pid), 0);
      return true;
    } catch {
      return false;
    }
  };
  await eventually(() => !lives(), "the server gone");
}, 60_000);

test("SIGTERM ends the door and all servers with 0", async () => {
  expect(await program.stop()).toBe(0);
  const pids = program.lines.filter(({ msg }) => msg === "a server is ready").map(({ pid }) => pid);
  for (const pid of pids) expect(() => process.kill(Number(pid), 0)).toThrow();
}, 60_000);
