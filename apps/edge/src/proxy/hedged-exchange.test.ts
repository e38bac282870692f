import { afterEach, expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { Edge } from "../edge.ts";
import { RawClient } from "../testing/raw-client.ts";
import { RecordingUpstream } from "../testing/recording-upstream.ts";
import { eventually, startTestEdge } from "../testing/test-edge.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const answer = (text: string, headers = "") =>
  `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${text.length}\r\n\r\n${text}`;

type TestServer = {
  readonly url: string;
  /** What a request gets; nothing, and it waits, where it returns nothing. */
  behave: (socket: Socket) => string | undefined;
  /** Connections of requests that wait. */
  readonly waiting: Socket[];
  /** Requests that came, without those that ask whether it is there at all. */
  asked: number;
};

/** @param text what it answers; undefined for one that keeps everybody waiting */
async function startServer(text?: string): Promise<TestServer> {
  const upstream = await RecordingUpstream.start();
  cleanUps.push(() => upstream.stop());
  const server: TestServer = { url: upstream.url, behave: () => text, waiting: [], asked: 0 };
  upstream.respond = ({ line }, socket) => {
    if (line.startsWith("GET /health ")) return answer("well");
    server.asked++;
    const reply = server.behave(socket);
    if (reply === undefined) server.waiting.push(socket);
    return reply;
  };
  return server;
}

/** The first of the servers is asked first: the other one is a backup. */
async function startEdge(servers: TestServer[], hedgeAfterMs = 50): Promise<Edge> {
  const edge = await startTestEdge({
    servers: servers.map(({ url }, i) => ({ id: `s${i}`, url, backup: i > 0 })),
    environment: { EDGE_HEDGE_AFTER_MS: String(hedgeAfterMs) },
  });
  cleanUps.push(() => edge.stop());
  return edge;
}

async function figure(edge: Edge, name: string): Promise<number> {
  const text = await (await fetch(`${edge.adminUrl}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name}{pool="servers"}`));
  return Number(line?.split(" ")[1] ?? 0);
}

test("a read that waits is sent to a second server, whose answer is passed on and the first cut", async () => {
  const slow = await startServer();
  const quick = await startServer(answer("quick"));
  const edge = await startEdge([slow, quick]);
  const response = await fetch(`${edge.url}/read`);
  expect([response.status, await response.text()]).toEqual([200, "quick"]);
  expect([slow.asked, quick.asked]).toEqual([1, 1]);
  await eventually(() => slow.waiting.every((socket) => socket.destroyed), "the first is cut");
  await eventually(
    () => edge.pool.snapshot().servers.every(({ inFlight }) => inFlight === 0),
    "nothing is under way",
  );
  expect(await figure(edge, "balancer_hedges_total")).toBe(1);
  expect(await figure(edge, "balancer_hedges_won_total")).toBe(1);
  // To have been slow is no failure.
  expect(edge.pool.snapshot().servers.map(({ state }) => state)).toEqual(["up", "up"]);
});

test("the first may still win, and the second is cut", async () => {
  const first = await startServer();
  const second = await startServer();
  const edge = await startEdge([first, second]);
  const response = fetch(`${edge.url}/read`);
  await eventually(() => second.waiting.length === 1, "the second is asked");
  first.waiting[0]?.write(answer("first"));
  expect(await (await response).text()).toBe("first");
  await eventually(() => second.waiting.every((socket) => socket.destroyed), "the second is cut");
  expect(await figure(edge, "balancer_hedges_won_total")).toBe(0);
  // The connection goes on.
  const client = await RawClient.connect(edge.url);
  cleanUps.push(() => client.close());
  first.behave = () => answer("again");
  second.behave = () => answer("again");
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.split("again").length === 3);
});

test("what answers in time, what is no read, and what has nobody else goes to one server", async () => {
  const slow = await startServer();
  const other = await startServer(answer("other"));
  const edge = await startEdge([slow, other]);
  const posted = fetch(edge.url, { method: "POST" });
  await eventually(() => slow.waiting.length === 1, "the write is there");
  const patient = await startEdge([await startServer(answer("in time")), other], 60_000);
  expect(await (await fetch(patient.url)).text()).toBe("in time");
  const alone = await startServer();
  const single = await startEdge([alone]);
  const read = fetch(single.url);
  await eventually(() => alone.waiting.length === 1, "the read is there");
  // Longer than it takes to ask a second one.
  await Bun.sleep(150);
  expect([slow.asked, other.asked, alone.asked]).toEqual([1, 0, 1]);
  slow.waiting[0]?.write(answer("posted"));
  alone.waiting[0]?.write(answer("read"));
  expect([await (await posted).text(), await (await read).text()]).toEqual(["posted", "read"]);
  expect(await figure(edge, "balancer_hedges_total")).toBe(0);
});

test("a second server that fails or says 503 does not count while the first may answer", async () => {
  for (const failure of [
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nshed",
    "cut",
  ]) {
    const first = await startServer();
    const second = await startServer();
    second.behave = (socket) => {
      if (failure !== "cut") return failure;
      socket.destroy();
      return undefined;
    };
    const edge = await startEdge([first, second]);
    const response = fetch(`${edge.url}/read`);
    await eventually(() => second.asked === 1, "the second is asked");
    await eventually(
      () => edge.pool.snapshot().servers[1]?.inFlight === 0,
      "the second is done with",
    );
    first.waiting[0]?.write(answer("first"));
    expect(await (await response).text()).toBe("first");
    expect(second.asked).toBe(1);
  }
});

test("a first server that fails leaves the second to answer, and where both do, the client is told", async () => {
  const first = await startServer();
  const second = await startServer();
  const edge = await startEdge([first, second]);
  for (const last of [answer("second"), "nonsense\r\n\r\n"]) {
    const response = fetch(`${edge.url}/read`);
    const count = second.waiting.length + 1;
    await eventually(() => second.waiting.length === count, "the second is asked");
    first.waiting.at(-1)?.write("nonsense\r\n\r\n");
    await eventually(() => edge.pool.snapshot().servers[0]?.inFlight === 0, "the first has failed");
    // It is not tried again beside.
    expect(second.asked).toBe(count);
    second.waiting.at(-1)?.write(last);
    expect((await response).status).toBe(last.startsWith("HTTP") ? 200 : 502);
  }
});

test("a client that leaves cuts both", async () => {
  const [first, second] = [await startServer(), await startServer()];
  const edge = await startEdge([first, second]);
  const client = await RawClient.connect(edge.url);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => second.waiting.length === 1, "the second is asked");
  client.close();
  await eventually(
    () => [...first.waiting, ...second.waiting].every((socket) => socket.destroyed),
    "both are cut",
  );
  expect(edge.pool.snapshot().servers.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

test("a response that is for all is fetched so as well, and kept once", async () => {
  const slow = await startServer();
  const quick = await startServer(answer("kept", "Cache-Control: public, max-age=60\r\n"));
  const edge = await startEdge([slow, quick]);
  for (const status of ["stored", "hit"]) {
    const response = await fetch(`${edge.url}/kept`);
    expect(await response.text()).toBe("kept");
    expect(response.headers.get("cache-status")).toContain(status);
  }
  expect([slow.asked, quick.asked]).toEqual([1, 1]);
});

test("second tries come out of the budget", async () => {
  const slow = await startServer();
  const also = await startServer();
  const edge = await startEdge([slow, also]);
  const reads = Array.from({ length: 40 }, (_, i) => fetch(`${edge.url}/${i}`));
  await eventually(
    async () => (await figure(edge, "balancer_retries_refused_total")) > 0,
    "the budget to be spent",
  );
  const hedges = await figure(edge, "balancer_hedges_total");
  expect(hedges).toBeWithin(1, 31);
  for (const server of [slow, also]) {
    server.behave = () => answer("late");
    for (const socket of server.waiting) socket.write(answer("late"));
  }
  for (const read of reads) expect(await (await read).text()).toBe("late");
});
