import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  cleanUp,
  forAnHour,
  kept,
  onCleanUp,
  open,
  startPair,
  streamOf,
} from "../testing/cache-pair.ts";
import { eventually, startTestEdge } from "../testing/test-edge.ts";

afterEach(cleanUp);

describe("many who want the same", () => {
  test("are one request to the server, and read it while it comes", async () => {
    const gate = Promise.withResolvers<void>();
    const { edge, asked, results } = await startPair(
      () =>
        new Response(
          streamOf(async function* () {
            yield Buffer.from("begin ");
            await gate.promise;
            yield Buffer.from("end");
          }),
          { headers: forAnHour },
        ),
    );
    const clients = await Promise.all(Array.from({ length: 50 }, () => open(edge)));
    for (const client of clients) client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all(clients.map((client) => client.until((text) => text.includes("begin "))));
    const late = await open(edge);
    late.send("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\n\r\n");
    await late.until((text) => text.includes("begin "));
    expect(asked).toHaveLength(1);
    gate.resolve();
    for (const client of [...clients, late]) {
      const text = await client.until((came) => came.endsWith("0\r\n\r\n"));
      expect(text.split("\r\n\r\n").slice(1).join("")).toMatch(/begin [\s\S]*end/);
    }
    expect(results.filter((result) => result === "miss")).toHaveLength(1);
    expect(results.filter((result) => result === "collapsed")).toHaveLength(50);
  });

  test("do not wait for one another where the answer is nobody else's", async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const { edge } = await startPair(async () => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      return new Response("mine", { headers: { "cache-control": "no-store" } });
    });
    const first = [fetch(edge.url), fetch(edge.url), fetch(edge.url)];
    await eventually(() => edge.cacheFigures()?.waiting === 3, "all wait for one");
    expect(gates).toHaveLength(1);
    gates[0]!.resolve();
    // It turned out to be of no use to the others: they ask at once, and so does who comes next.
    await eventually(() => gates.length === 3, "the others ask at the same time");
    const next = [fetch(edge.url), fetch(edge.url)];
    await eventually(() => gates.length === 5, "nobody waits any more");
    for (const gate of gates) gate.resolve();
    for (const response of await Promise.all([...first, ...next])) {
      expect(await response.text()).toBe("mine");
    }
  });

  test("wait for one another again once an answer could have been kept", async () => {
    let control = "no-store";
    const { edge, asked, results } = await startPair(() => {
      return new Response(`${asked.length}`, { headers: { "cache-control": control } });
    });
    const ask = async (headers: Record<string, string> = {}) =>
      Number(await (await fetch(edge.url, { headers })).text());
    // What is said to one with a cookie says nothing of those without.
    expect([await ask({ cookie: "a=b" }), await ask({ cookie: "a=b" })]).toEqual([1, 2]);
    expect(results.splice(0)).toEqual(["miss", "bypass"]);
    expect([await ask(), await ask()]).toEqual([3, 4]);
    expect(results.splice(0)).toEqual(["miss", "bypass"]);
    control = "max-age=60";
    expect([await ask(), await ask(), await ask()]).toEqual([5, 6, 6]);
    expect(results.splice(0)).toEqual(["bypass", "miss", "hit"]);
  });

  test("go on when the one who began leaves", async () => {
    const gate = Promise.withResolvers<void>();
    const { edge, asked } = await startPair(async (request) => {
      await gate.promise;
      return kept()(request);
    });
    const leader = await open(edge);
    leader.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => asked.length === 1, "it is asked");
    const other = await open(edge);
    other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => edge.cacheFigures()?.waiting === 2, "both wait for it");
    leader.close();
    await eventually(() => edge.cacheFigures()?.waiting === 1, "one of them has left");
    gate.resolve();
    expect(await other.until((text) => text.endsWith("kept"))).toContain("200 OK");
    expect(asked).toHaveLength(1);
  });

  test("are not held back by one who does not read", async () => {
    const large = new Uint8Array(6 << 20).fill(120);
    const { edge, asked } = await startPair(kept(large));
    const slow = await open(edge);
    slow.socket.pause();
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => asked.length === 1, "it is asked");
    const bodies = await Promise.all(
      Array.from({ length: 4 }, async () => (await fetch(`${edge.url}/large`)).bytes()),
    );
    for (const body of bodies) expect(body.length).toBe(large.length);
    slow.socket.resume();
    await slow.until((text) => text.length > large.length);
  }, 60_000);

  test("a body too large to be kept is passed on, to all who read it, whole", async () => {
    const total = 3 << 20;
    const { edge, asked } = await startPair(
      () =>
        new Response(
          streamOf(async function* () {
            for (let sent = 0; sent < total; sent += 65_536) yield Buffer.alloc(65_536, "y");
          }),
          { headers: forAnHour },
        ),
      { environment: { EDGE_CACHE_SIZE: String(4 << 20) } },
    );
    const bodies = await Promise.all(
      Array.from({ length: 3 }, async () => (await fetch(edge.url)).bytes()),
    );
    for (const body of bodies) expect(body.length).toBe(total);
    expect(edge.cacheFigures()).toMatchObject({ memoryEntries: 0, memoryBytes: 0, flights: 0 });
    const before = asked.length;
    await (await fetch(edge.url)).bytes();
    expect(asked).toHaveLength(before + 1);
  }, 60_000);
});

describe("a server that breaks off", () => {
  async function startOrigin(): Promise<{ url: string; child: Bun.Subprocess }> {
    const path = join(import.meta.dirname, "../testing/cache-origin.ts");
    const child = Bun.spawn([process.execPath, path], { stdout: "pipe" });
    onCleanUp(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
    const { value } = await child.stdout.getReader().read();
    return { url: new TextDecoder().decode(value).trim(), child };
  }

  test("killed in the middle of a body: all are cut, and nothing is kept", async () => {
    const { url, child } = await startOrigin();
    const edge = await startTestEdge({ urls: [url] });
    onCleanUp(() => edge.stop());
    const clients = await Promise.all(Array.from({ length: 5 }, () => open(edge)));
    for (const client of clients) client.send("GET /slow/4000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all(clients.map((client) => client.until((text) => text.endsWith("xxxx"))));
    child.kill("SIGKILL");
    await Promise.all(clients.map((client) => client.closed()));
    expect(edge.cacheFigures()).toMatchObject({ memoryEntries: 0, memoryBytes: 0, flights: 0 });
  }, 60_000);

  test("one that claims more than it sends: the same", async () => {
    const { url } = await startOrigin();
    const edge = await startTestEdge({ urls: [url] });
    onCleanUp(() => edge.stop());
    const client = await open(edge);
    client.send("GET /slow/3000?short HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.closed();
    expect(edge.cacheFigures()).toMatchObject({ memoryEntries: 0, memoryBytes: 0, flights: 0 });
  });

  test("the one client of an answer that is not kept leaves, and the server is told", async () => {
    const left = Promise.withResolvers<void>();
    const { edge } = await startPair((request) => {
      request.signal.addEventListener("abort", () => left.resolve());
      const body = streamOf(async function* () {
        yield Buffer.from("begin");
        await left.promise;
      });
      return new Response(body, { headers: { "cache-control": "no-store" } });
    });
    const client = await open(edge);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.includes("begin"));
    client.close();
    await left.promise;
  });

  test("the last reader leaves, and the server is not asked for the rest", async () => {
    const { url } = await startOrigin();
    const edge = await startTestEdge({ urls: [url] });
    onCleanUp(() => edge.stop());
    const client = await open(edge);
    client.send("GET /slow/4000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.endsWith("xxxx"));
    client.close();
    await eventually(() => edge.cacheFigures()?.flights === 0, "the flight ends");
    expect(edge.cacheFigures()).toMatchObject({ memoryEntries: 0, memoryBytes: 0 });
  });
});
