import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createTestDatabase } from "@peregrine/database/testing";
import { SQL } from "bun";
import { startEdgeProcess } from "./edge-process.ts";
import { type Host, Network, whyNoNetwork } from "./network/network.ts";
import { RemoteClient } from "./network/remote-client.ts";
import { startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/** The door, three servers with one database, and two model servers, each on a host of its own. */
const hostNames = ["door", "client", "server1", "server2", "server3", "model1", "model2"] as const;
const reason = whyNoNetwork();
const name = `several hosts${reason === undefined ? "" : ` (not run: ${reason})`}`;
const modelPort = "8000";

describe.skipIf(reason !== undefined)(name, () => {
  const stops: (() => unknown)[] = [];
  let network: Network<(typeof hostNames)[number]>;
  let client: RemoteClient;
  let url: string;
  let databaseUrl: string;
  let headers: Record<string, string>;

  beforeAll(async () => {
    const database = await createTestDatabase();
    databaseUrl = database.url;
    stops.push(() => database.drop());
    network = await Network.create(...hostNames);
    stops.push(() => network.close());
    const { door, server1, server2, server3, model1, model2 } = network.hosts;
    await Promise.all([model1, model2].map(startModels));
    const servers = await Promise.all([server1, server2, server3].map((host) => startServer(host)));
    const environment = {
      HOST: door.address,
      HEALTH_CHECK_INTERVAL: "1",
      EDGE_FIRST_BYTE_TIMEOUT: "8",
      SHUTDOWN_TIMEOUT: "0",
    };
    const edge = await startEdgeProcess(servers, environment, (command) => door.command(command));
    stops.push(() => edge.stop());
    url = edge.url;
    client = new RemoteClient(network.hosts.client);
    stops.push(() => client.stop());
    headers = await signUp();
  }, 60_000);

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  }, 30_000);

  async function startModels(host: Host): Promise<void> {
    const main = join(import.meta.dirname, "model-server/main.ts");
    const child = Bun.spawn(
      host.command([process.execPath, main, "--host", host.address, "--port", modelPort]),
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    stops.push(async () => {
      child.kill();
      await child.exited;
    });
    await child.stdout.getReader().read();
  }

  /** Its database is reached by a file, which all hosts share. */
  async function startServer(host: Host): Promise<string> {
    const { model1, model2 } = network.hosts;
    const environment = {
      HOST: host.address,
      DATABASE_URL: databaseUrl,
      MODEL_SERVERS: [model1, model2].map(({ address }) => `http://${address}:${modelPort}`).join(),
      MODEL: "test-model",
      METRICS_PORT: "0",
      SHUTDOWN_TIMEOUT: "1",
      MEMORY_THRESHOLD: "1",
      CPU_THRESHOLD: "1",
      LOG_LEVEL: "info",
    };
    const server = await startServerProcess(environment, (command) => host.command(command));
    stops.push(() => server.remove());
    return server.url;
  }

  async function signUp(): Promise<Record<string, string>> {
    const answer = await client.ask({
      url: `${url}/api/v1/auth/register`,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "ada@example.org", name: "Ada", password: "a good password" }),
    });
    expect(answer.status).toBe(201);
    const cookie = answer.headers["set-cookie"]?.split(";", 1)[0] ?? "";
    return { cookie, "content-type": "application/json" };
  }

  test("a server is cut off for a while: no read fails, and nothing is written twice", async () => {
    const { server2 } = network.hosts;
    const conversations = `${url}/api/v1/conversations`;
    const each = { url: conversations, headers, pauseMs: 10 };
    const reads = await client.load({ ...each, method: "GET", workers: 8 });
    const body = JSON.stringify({ title: "Written # of them" });
    const writes = await client.load({ ...each, method: "POST", workers: 3, body });
    await until(async () => (await writes.outcomes(0)).length > 100, "a hundred writes");
    await server2.cut();
    const before = (await reads.outcomes(0)).length;
    await until(async () => (await reads.outcomes(before)).length > 1000, "a thousand more reads");
    expect((await server2.traffic()).lost).toBeGreaterThan(0);
    await server2.mend();
    const read = await reads.stop();
    const written = await writes.stop();

    expect(read.filter(({ status }) => status !== 200)).toEqual([]);
    const unknown = written.filter(({ status }) => status !== 201);
    expect(unknown.filter(({ status }) => status !== 502 && status !== 504)).toEqual([]);
    expect(unknown.length).toBeLessThanOrEqual(3);
    await using sql = new SQL({ url: databaseUrl, max: 1 });
    const rows: { title: string }[] = await sql`select title from conversations`;
    const titles = rows.map(({ title }) => title);
    expect(titles.length).toBe(new Set(titles).size);
    const answered = written.filter(({ status }) => status === 201);
    const missing = answered.filter((o) => !titles.includes(JSON.parse(o.body ?? "").title));
    expect(missing).toEqual([]);
  }, 60_000);

  test("a model server is cut off: a question that it has not begun to answer goes to the other", async () => {
    const made = await client.ask({
      url: `${url}/api/v1/conversations`,
      method: "POST",
      headers,
      body: "{}",
    });
    const { conversation } = JSON.parse(made.text) as { conversation: { id: string } };
    const ask = () =>
      client.ask({
        url: `${url}/api/v1/conversations/${conversation.id}/messages`,
        method: "POST",
        headers: { ...headers, accept: "text/event-stream" },
        body: JSON.stringify({ content: "Hello {{tokens=3}}" }),
      });
    const first = await ask();
    expect([first.status, first.text]).toEqual([200, expect.stringContaining("word2")]);
    const asked = async ({ address }: Host) => {
      const { text } = await client.ask({ url: `http://${address}:${modelPort}/control/requests` });
      return (JSON.parse(text) as { requests: unknown[] }).requests.length;
    };
    const { model1, model2 } = network.hosts;
    const [warm, other] = (await asked(model1)) > 0 ? [model1, model2] : [model2, model1];
    await warm.cut();
    const second = await ask();
    expect([second.status, second.text]).toEqual([200, expect.stringContaining("word2")]);
    // A server that thinks for long would have been waited for, for 60 s.
    expect(second.tookMs).toBeLessThan(40_000);
    expect(await asked(other)).toBeGreaterThan(0);
  }, 90_000);
});
