import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Edge } from "./edge.ts";
import { ServerProcess } from "./fleet/server-process.ts";
import { RecordingUpstream } from "./testing/recording-upstream.ts";
import { eventually, startTestEdge } from "./testing/test-edge.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

type Running = { process: ServerProcess; url: string; name: string };

/** Real processes behind a door. */
class Stage {
  readonly servers: Running[] = [];
  readonly file: string;
  edge: Edge | undefined;

  constructor() {
    const directory = mkdtempSync(join(tmpdir(), "peregrine-edge-"));
    cleanUps.push(() => rmSync(directory, { recursive: true }));
    this.file = join(directory, "writes");
    writeFileSync(this.file, "");
  }

  async start(name: string, environment: Record<string, string> = {}): Promise<Running> {
    const process_ = new ServerProcess({
      command: [
        process.execPath,
        join(import.meta.dirname, "testing/fault-server.ts"),
        name,
        this.file,
      ],
      environment: { ...process.env, ...environment },
      onMessage: () => {},
    });
    cleanUps.push(() => process_.stop(0));
    const running = { process: process_, url: await process_.ready, name };
    this.servers.push(running);
    return running;
  }

  async open(options: Parameters<typeof startTestEdge>[0] = {}): Promise<Edge> {
    const edge = await startTestEdge({ urls: this.servers.map(({ url }) => url), ...options });
    cleanUps.push(() => edge.stop());
    this.edge = edge;
    return edge;
  }

  writes(): string[] {
    return readFileSync(this.file, "utf8").split("\n").slice(0, -1);
  }
}

type Outcome = { failed: string[]; done: number };

/** `workers` clients that ask one after another until they are told to stop. */
function load(
  workers: number,
  ask: (count: number) => Promise<Response>,
): { outcome: Outcome; stop(): Promise<Outcome> } {
  let isStopping = false;
  const outcome: Outcome = { failed: [], done: 0 };
  let count = 0;
  const work = async () => {
    while (!isStopping) {
      try {
        const response = await ask(count++);
        await response.text();
        if (!response.ok) outcome.failed.push(String(response.status));
      } catch (error) {
        outcome.failed.push(String(error));
      }
      outcome.done++;
    }
  };
  const all = Promise.all(Array.from({ length: workers }, work));
  return {
    outcome,
    async stop() {
      isStopping = true;
      await all;
      return outcome;
    },
  };
}

/** Waits until each of these loads has got so many more answers. */
function further(count: number, ...outcomes: Outcome[]): Promise<void> {
  const aims = outcomes.map(({ done }) => done + count);
  return eventually(
    () => outcomes.every(({ done }, index) => done >= (aims[index] ?? 0)),
    `${count} more answers of each load`,
  );
}

function expectNoDoubles(writes: readonly string[]): void {
  expect(writes.filter((id, index) => writes.indexOf(id) !== index)).toEqual([]);
}

describe("of three servers", () => {
  test("one is killed: no GET fails, and no write happens twice", async () => {
    const stage = new Stage();
    const [, victim] = [await stage.start("a"), await stage.start("b"), await stage.start("c")];
    const edge = await stage.open();
    const reads = load(16, () => fetch(edge.url));
    const answered = new Set<string>();
    const writes = load(8, async (count) => {
      const response = await fetch(`${edge.url}/write`, { method: "POST", body: `w${count}` });
      if (response.ok) answered.add(`w${count}`);
      return response;
    });
    await further(200, reads.outcome, writes.outcome);
    process.kill(victim!.process.pid, "SIGKILL");
    await further(500, reads.outcome, writes.outcome);
    const read = await reads.stop();
    const written = await writes.stop();
    expect(read.failed).toEqual([]);
    // Only those that were on their way to it may have failed: one for each client at most.
    expect(written.failed.length).toBeLessThanOrEqual(8);
    const ids = stage.writes();
    expectNoDoubles(ids);
    for (const id of answered) expect(ids).toContain(id);
  });

  test("one is stopped and goes on later: GETs go elsewhere meanwhile", async () => {
    const stage = new Stage();
    const victim = await stage.start("a");
    await stage.start("b");
    await stage.start("c");
    const edge = await stage.open();
    const reads = Array.from({ length: 24 }, () => load(1, () => fetch(edge.url)));
    const outcomes = reads.map(({ outcome }) => outcome);
    const writes = load(4, (count) =>
      fetch(`${edge.url}/write`, { method: "POST", body: `w${count}` }),
    );
    await further(20, ...outcomes, writes.outcome);
    process.kill(victim.process.pid, "SIGSTOP");
    // Every reader, also the one whose request had gone to it.
    await further(20, ...outcomes);
    process.kill(victim.process.pid, "SIGCONT");
    await further(20, ...outcomes, writes.outcome);
    await Promise.all(reads.map((read) => read.stop()));
    const written = await writes.stop();
    expect(outcomes.flatMap(({ failed }) => failed)).toEqual([]);
    expect(written.failed).toEqual([]);
    expectNoDoubles(stage.writes());
  });

  test("one is stopped while next to nobody asks: a read is late once, and not lost", async () => {
    const stage = new Stage();
    const victim = await stage.start("a");
    await stage.start("b");
    const edge = await stage.open({ environment: { LOAD_BALANCER_ALGORITHM: "round_robin" } });
    process.kill(victim.process.pid, "SIGSTOP");
    for (let round = 0; round < 3; round++) {
      expect(await (await fetch(edge.url)).text()).toBe("b");
    }
    process.kill(victim.process.pid, "SIGCONT");
  }, 60_000);

  test("one dies and comes back on the same address: it is used again", async () => {
    const stage = new Stage();
    const victim = await stage.start("a");
    await stage.start("b");
    // In turns, so that an answer of it shows that it is back and not how good it looks.
    const edge = await stage.open({
      environment: { HEALTH_CHECK_INTERVAL: "1", LOAD_BALANCER_ALGORITHM: "round_robin" },
    });
    const reads = load(4, () => fetch(edge.url));
    process.kill(victim.process.pid, "SIGKILL");
    await victim.process.exited;
    await Bun.sleep(200);
    await stage.start("a", { PORT: new URL(victim.url).port });
    await eventually(
      async () => (await (await fetch(edge.url)).text()) === "a",
      "an answer of the server that came back",
    );
    expect((await reads.stop()).failed).toEqual([]);
  }, 60_000);

  test("one is 100 ms slower: it gets next to nothing", async () => {
    const stage = new Stage();
    await stage.start("slow", { DELAY_MS: "100" });
    await stage.start("b");
    await stage.start("c");
    const edge = await stage.open();
    const names: Record<string, number> = {};
    for (let round = 0; round < 300; round++) {
      const name = await (await fetch(edge.url)).text();
      names[name] = (names[name] ?? 0) + 1;
    }
    expect(names.slow ?? 0).toBeLessThan(60);
  });

  test("all are gone: 503 no_healthy_servers with Retry-After", async () => {
    const stage = new Stage();
    const only = await stage.start("a");
    const edge = await stage.open();
    process.kill(only.process.pid, "SIGKILL");
    await only.process.exited;
    await fetch(edge.url).then((response) => response.text());
    const response = await fetch(edge.url, { method: "POST", body: "x" });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await response.json()).toMatchObject({ error: { code: "no_healthy_servers" } });
  });

  test("one is killed: its WebSockets are closed, and their clients come back on others", async () => {
    const stage = new Stage();
    const victim = await stage.start("a");
    await stage.start("b");
    const edge = await stage.open({ environment: { LOAD_BALANCER_ALGORITHM: "round_robin" } });
    const clients = Array.from({ length: 100 }, (_, index) => new EchoClient(edge.url, index));
    cleanUps.push(() => {
      for (const client of clients) client.close();
    });
    await eventually(() => clients.every((client) => client.isOpen), "all sockets open");
    process.kill(victim.process.pid, "SIGKILL");
    await eventually(
      () =>
        clients.filter((client) => client.opened > 1).length >= 40 &&
        clients.every((client) => client.isOpen),
      "those of the killed server open again",
    );
    const from = clients.map((client) => client.echoed);
    for (const client of clients) client.say(10);
    await eventually(
      () => clients.every((client, index) => client.echoed === from[index]! + 10),
      "each message echoed",
    );
    expect(clients.every((client) => client.isInOrder)).toBe(true);
  });
});

/** Sends numbers and checks that they come back in order; opens again when it is closed. */
class EchoClient {
  opened = 0;
  echoed = 0;
  isInOrder = true;
  #next = 0;
  #isClosed = false;
  #socket: WebSocket | undefined;
  readonly #url: string;
  readonly #index: number;

  constructor(url: string, index: number) {
    this.#url = `${url.replace("http", "ws")}/socket`;
    this.#index = index;
    this.#open();
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  say(count: number): void {
    for (let sent = 0; sent < count; sent++) this.#socket?.send(`${this.#index}:${this.#next++}`);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  #open(): void {
    let expected = this.#next;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.opened++;
    socket.onmessage = ({ data }) => {
      this.echoed++;
      if (data !== `${this.#index}:${expected++}`) this.isInOrder = false;
    };
    socket.onclose = () => {
      if (!this.#isClosed) setTimeout(() => this.#open(), 20);
    };
  }
}

describe("a server that breaks off", () => {
  async function pair(): Promise<[Edge, RecordingUpstream, RecordingUpstream]> {
    const ill = await RecordingUpstream.start();
    const well = await RecordingUpstream.start();
    cleanUps.push(
      () => ill.stop(),
      () => well.stop(),
    );
    const edge = await startTestEdge({
      urls: [ill.url, well.url],
      environment: { LOAD_BALANCER_ALGORITHM: "round_robin" },
    });
    cleanUps.push(() => edge.stop());
    return [edge, ill, well];
  }

  const breaks: Record<string, RecordingUpstream["respond"]> = {
    "before its answer": (_, socket) => {
      socket.destroy();
      return undefined;
    },
    "by a reset": (_, socket) => {
      socket.resetAndDestroy();
      return undefined;
    },
    "in the middle of its head": (_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nConte");
      setTimeout(() => socket.destroy(), 5);
      return undefined;
    },
    "with something that is no answer": () => "what?\r\n\r\n",
    "with a 502 of its own": () => "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
  };
  for (const [name, respond] of Object.entries(breaks)) {
    test(`${name}: GET is answered by another`, async () => {
      const [edge, ill] = await pair();
      ill.respond = respond;
      for (let round = 0; round < 4; round++) {
        const response = await fetch(edge.url);
        expect(response.status).toBe(200);
        expect(await response.text()).toBe("ok");
      }
      expect(ill.requests.length).toBeGreaterThan(0);
    });

    test(`${name}: POST is not sent again`, async () => {
      const [edge, ill, well] = await pair();
      ill.respond = respond;
      const ids = Array.from({ length: 4 }, (_, index) => `id${index}`);
      for (const id of ids) await (await fetch(edge.url, { method: "POST", body: id })).text();
      const seen = [...ill.requests, ...well.requests].map((request) => request.body);
      expect(seen.sort()).toEqual(ids);
    });
  }

  test("after its answer began: the client sees it broken, and nothing is sent again", async () => {
    const [edge, ill, well] = await pair();
    ill.respond = (_, socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      setTimeout(() => socket.resetAndDestroy(), 10);
      return undefined;
    };
    const results = await Promise.allSettled(
      [0, 1].map(() => fetch(edge.url).then((response) => response.text())),
    );
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(ill.requests).toHaveLength(1);
    expect(well.requests).toHaveLength(1);
  });

  test("its 502 is the client's where nobody else can answer", async () => {
    const ill = await RecordingUpstream.start();
    cleanUps.push(() => ill.stop());
    ill.respond = () => "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy";
    const edge = await startTestEdge({ urls: [ill.url] });
    cleanUps.push(() => edge.stop());
    const response = await fetch(edge.url);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.text()).toBe("busy");
  });
});

test("2,000 streams that are left halfway leave no connection, ticket or memory behind", async () => {
  const stage = new Stage();
  await stage.start("a");
  await stage.start("b");
  const edge = await stage.open();
  const leave = async () => {
    const controller = new AbortController();
    const response = await fetch(`${edge.url}/stream?n=1000`, { signal: controller.signal });
    await response.body!.getReader().read();
    controller.abort();
  };
  const round = async (count: number) => {
    for (let done = 0; done < count; done += 50)
      await Promise.all(Array.from({ length: 50 }, leave));
    await eventually(
      () => edge.pool.snapshot().servers.every((server) => server.inFlight === 0),
      "all tickets given back",
    );
    Bun.gc(true);
    return process.memoryUsage().rss;
  };
  await round(500);
  const before = await round(500);
  const after = await round(1000);
  expect(after - before).toBeLessThan(48 * 1024 * 1024);
  const figures = (await (await fetch(`${edge.adminUrl}/edge/servers`)).json()) as {
    connections: number;
  };
  expect(figures.connections).toBeLessThan(20);
}, 60_000);
