import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CacheResult } from "@peregrine/cdn/edge-cache";
import type { Edge } from "../edge.ts";
import { RawClient } from "../testing/raw-client.ts";
import { eventually, startTestEdge } from "../testing/test-edge.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

type Answer = (request: Request) => Response | Promise<Response>;

/** A door before one server of the usual kind, with what that was asked and what the cache did. */
async function startPair(
  answer: Answer,
  options: { environment?: Record<string, string> } = {},
): Promise<{ edge: Edge; asked: Request[]; results: CacheResult[] }> {
  const asked: Request[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch(request) {
      if (new URL(request.url).pathname === "/ready") return Response.json({ status: "ready" });
      asked.push(request);
      return answer(request);
    },
  });
  cleanUps.push(() => server.stop(true));
  const results: CacheResult[] = [];
  const edge = await startTestEdge({
    urls: [`http://127.0.0.1:${server.port}`],
    cacheEvents: { onResult: (result) => results.push(result) },
    ...options,
  });
  cleanUps.push(() => edge.stop());
  return { edge, asked, results };
}

const forAnHour = { "cache-control": "public, max-age=3600" };
const kept = (body: string | Uint8Array<ArrayBuffer> = "kept", headers: object = {}): Answer => {
  return () => new Response(body, { headers: { ...forAnHour, ...headers } });
};

function streamOf(pieces: () => AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

async function open(edge: Edge): Promise<RawClient> {
  const client = await RawClient.connect(edge.url);
  cleanUps.push(() => client.close());
  return client;
}

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-edge-cache-"));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe("a response that may be kept", () => {
  test("is asked for once, and says how old it is and where it came from", async () => {
    const { edge, asked, results } = await startPair(kept());
    const first = await fetch(`${edge.url}/a`);
    expect(first.headers.get("cache-status")).toBe(
      "peregrine; fwd=uri-miss; fwd-status=200; stored",
    );
    expect(await first.text()).toBe("kept");
    const second = await fetch(`${edge.url}/a`);
    expect(second.headers.get("cache-status")).toMatch(/^peregrine; hit; ttl=3(600|59\d)$/);
    expect(Number(second.headers.get("age"))).toBeLessThan(30);
    expect(await second.text()).toBe("kept");
    expect(asked).toHaveLength(1);
    expect(results).toEqual(["miss", "hit"]);
  });

  test("answers HEAD, conditions and ranges", async () => {
    const { edge, asked } = await startPair(
      kept("0123456789", { etag: '"v1"', "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT" }),
    );
    await (await fetch(edge.url)).text();
    const ask = async (headers: Record<string, string>, method = "GET") => {
      const response = await fetch(edge.url, { method, headers });
      return [response.status, await response.text(), response.headers.get("content-range")];
    };
    const head = await fetch(edge.url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
    expect(await ask({ "if-none-match": 'W/"v1", "v0"' })).toEqual([304, "", null]);
    expect(await ask({ "if-none-match": '"v2"' })).toEqual([200, "0123456789", null]);
    expect(await ask({ "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT" })).toEqual([
      304,
      "",
      null,
    ]);
    expect(await ask({ range: "bytes=2-4" })).toEqual([206, "234", "bytes 2-4/10"]);
    expect(await ask({ range: "bytes=-3" })).toEqual([206, "789", "bytes 7-9/10"]);
    expect(await ask({ range: "bytes=8-" })).toEqual([206, "89", "bytes 8-9/10"]);
    expect(await ask({ range: "bytes=10-" })).toEqual([416, "", "bytes */10"]);
    expect(await ask({ range: "bytes=2-4", "if-range": '"v0"' })).toEqual([
      200,
      "0123456789",
      null,
    ]);
    expect(await ask({ range: "bytes=2-4", "if-range": '"v1"' })).toEqual([
      206,
      "234",
      "bytes 2-4/10",
    ]);
    const thousand = Array.from({ length: 1000 }, (_, i) => `${i}-${i}`).join(",");
    expect(await ask({ range: `bytes=${thousand}` })).toEqual([200, "0123456789", null]);
    expect(asked).toHaveLength(1);
  });

  test("is another one for each value of what it varies by", async () => {
    const { edge, asked } = await startPair((request) =>
      kept(request.headers.get("accept-language") ?? "none", { vary: "Accept-Language" })(request),
    );
    const ask = async (language: string) =>
      (await fetch(edge.url, { headers: { "accept-language": language } })).text();
    expect([await ask("de"), await ask("en"), await ask("de"), await ask("en")]).toEqual([
      "de",
      "en",
      "de",
      "en",
    ]);
    expect(asked).toHaveLength(2);
  });

  test("is asked about when it is old, and is the same for a 304", async () => {
    let version = 1;
    const { edge, asked, results } = await startPair((request) => {
      const etag = `"v${version}"`;
      const headers = {
        "cache-control": "public, no-cache",
        etag,
        "x-count": String(asked.length),
      };
      if (request.headers.get("if-none-match") === etag)
        return new Response(null, { status: 304, headers });
      return new Response(`body ${version}`, { headers });
    });
    const ask = async () => {
      const response = await fetch(edge.url);
      return [await response.text(), response.headers.get("x-count")];
    };
    expect(await ask()).toEqual(["body 1", "1"]);
    // The 304 has brought the stored header lines up to date.
    expect(await ask()).toEqual(["body 1", "2"]);
    version = 2;
    expect(await ask()).toEqual(["body 2", "3"]);
    expect(results).toEqual(["miss", "revalidated", "miss"]);
    const conditional = await fetch(edge.url, { headers: { "if-none-match": '"v2"' } });
    expect(conditional.status).toBe(304);
  });

  test("is served stale while a newer one is fetched, and where the server fails", async () => {
    let status = 200;
    const { edge, asked, results } = await startPair(() => {
      const control = "public, max-age=0, stale-while-revalidate=0, stale-if-error=600";
      return new Response(`${asked.length}`, { status, headers: { "cache-control": control } });
    });
    expect(await (await fetch(edge.url)).text()).toBe("1");
    status = 503;
    expect(await (await fetch(edge.url)).text()).toBe("1");
    expect(results).toEqual(["miss", "stale"]);
    const other = await startPair(() => {
      const control = "public, max-age=0, stale-while-revalidate=600";
      return new Response(`${other.asked.length}`, { headers: { "cache-control": control } });
    });
    expect(await (await fetch(other.edge.url)).text()).toBe("1");
    expect(await (await fetch(other.edge.url)).text()).toBe("1");
    await eventually(() => other.asked.length === 2, "it is fetched anew");
    await eventually(
      async () => (await (await fetch(other.edge.url)).text()) !== "1",
      "the newer one is served",
    );
  });

  test("is 504 to who wants nothing else where there is none", async () => {
    const { edge, asked } = await startPair(kept());
    const response = await fetch(edge.url, { headers: { "cache-control": "only-if-cached" } });
    expect(response.status).toBe(504);
    expect(asked).toHaveLength(0);
    await (await fetch(edge.url)).text();
    const again = await fetch(edge.url, { headers: { "cache-control": "only-if-cached" } });
    expect(await again.text()).toBe("kept");
  });

  test("may be a 502, for as long as it says", async () => {
    const { edge, asked } = await startPair(
      () => new Response("bad", { status: 502, headers: { "cache-control": "max-age=60" } }),
    );
    expect((await fetch(edge.url)).status).toBe(502);
    // There is no other server to try, and the answer may be kept.
    expect((await fetch(edge.url)).status).toBe(502);
    expect(asked).toHaveLength(1);
  });
});

describe("the wire", () => {
  test("requests that come together are answered in order, each once", async () => {
    const { edge, asked } = await startPair((request) =>
      kept(new URL(request.url).pathname)(request),
    );
    const client = await open(edge);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    client.send(get("/1") + get("/2") + get("/1") + get("/2") + get("/1"));
    const text = await client.until(
      (came) => came.split("HTTP/1.1 200").length === 6 && came.endsWith("/1"),
    );
    expect(
      text
        .match(/\r\n\r\n\/\d/g)
        ?.map((body) => body.at(-1))
        .join(""),
    ).toBe("12121");
    expect(asked).toHaveLength(2);
  });

  test("HTTP/1.0 reads a body of unknown length to the end of the connection, later by its length", async () => {
    const gate = Promise.withResolvers<void>();
    const { edge } = await startPair(
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
    const ask = async () => {
      const client = await open(edge);
      client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
      await client.until((text) => text.includes("begin "));
      gate.resolve();
      return client.closed();
    };
    const first = await ask();
    expect(first).toEndWith("\r\n\r\nbegin end");
    expect(first).not.toMatch(/transfer-encoding|content-length/i);
    expect(await ask()).toMatch(/content-length: 9\r\n[\s\S]*\r\n\r\nbegin end$/);
  });

  test("what is said of one exchange is not said of the next", async () => {
    const { edge } = await startPair(
      kept("it", { "server-timing": "total;dur=3", "x-other": "1" }),
    );
    await (await fetch(edge.url)).text();
    const { headers } = await fetch(edge.url);
    expect([headers.get("server-timing"), headers.get("x-other")]).toEqual([null, "1"]);
  });
});

describe("what is not for everybody", () => {
  test("is never kept", async () => {
    const cases: [string, Record<string, string>, Record<string, string>][] = [
      ["private", { "cache-control": "private, max-age=60" }, {}],
      ["no-store", { "cache-control": "no-store, max-age=60" }, {}],
      ["sets a cookie", { ...forAnHour, "set-cookie": "a=b" }, {}],
      ["asked with a cookie, not public", { "cache-control": "max-age=60" }, { cookie: "a=b" }],
      ["authorised, not public", { "cache-control": "max-age=60" }, { authorization: "Bearer a" }],
      ["varies by everything", { ...forAnHour, vary: "*" }, {}],
      ["nothing said", {}, {}],
    ];
    for (const [what, headers, request] of cases) {
      const { edge, asked } = await startPair(() => new Response(`${asked.length}`, { headers }));
      const ask = async () => (await fetch(edge.url, { headers: request })).text();
      expect([what, await ask(), await ask()]).toEqual([what, "1", "2"]);
      expect(edge.cacheFigures()?.memoryEntries).toBe(0);
    }
  });

  test("a public response is kept and served with a cookie, another is not served to one", async () => {
    const { edge, asked } = await startPair((request) => {
      const control = request.url.endsWith("/public") ? "public, max-age=60" : "max-age=60";
      return new Response(`${asked.length}`, { headers: { "cache-control": control } });
    });
    const ask = async (path: string, cookie?: string) =>
      (await fetch(edge.url + path, cookie ? { headers: { cookie } } : {})).text();
    expect([
      await ask("/public", "u=1"),
      await ask("/public", "u=2"),
      await ask("/public"),
    ]).toEqual(["1", "1", "1"]);
    expect([await ask("/page"), await ask("/page"), await ask("/page", "u=1")]).toEqual([
      "2",
      "2",
      "3",
    ]);
  });
});

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
  }, 20_000);

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
  }, 20_000);
});

describe("a server that breaks off", () => {
  async function startOrigin(): Promise<{ url: string; child: Bun.Subprocess }> {
    const path = join(import.meta.dirname, "../testing/cache-origin.ts");
    const child = Bun.spawn([process.execPath, path], { stdout: "pipe" });
    cleanUps.push(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
    const { value } = await child.stdout.getReader().read();
    return { url: new TextDecoder().decode(value).trim(), child };
  }

  test("killed in the middle of a body: all are cut, and nothing is kept", async () => {
    const { url, child } = await startOrigin();
    const edge = await startTestEdge({ urls: [url] });
    cleanUps.push(() => edge.stop());
    const clients = await Promise.all(Array.from({ length: 5 }, () => open(edge)));
    for (const client of clients) client.send("GET /slow/4000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all(clients.map((client) => client.until((text) => text.endsWith("xxxx"))));
    child.kill("SIGKILL");
    await Promise.all(clients.map((client) => client.closed()));
    expect(edge.cacheFigures()).toMatchObject({ memoryEntries: 0, memoryBytes: 0, flights: 0 });
  }, 20_000);

  test("one that claims more than it sends: the same", async () => {
    const { url } = await startOrigin();
    const edge = await startTestEdge({ urls: [url] });
    cleanUps.push(() => edge.stop());
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
    cleanUps.push(() => edge.stop());
    const client = await open(edge);
    client.send("GET /slow/4000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.endsWith("xxxx"));
    client.close();
    await eventually(() => edge.cacheFigures()?.flights === 0, "the flight ends");
    expect(edge.cacheFigures()).toMatchObject({ memoryEntries: 0, memoryBytes: 0 });
  });
});

describe("changes and purges", () => {
  const purge = (edge: Edge, path: string, headers: Record<string, string> = {}) =>
    fetch(edge.adminUrl + path, { method: "PURGE", headers });

  test("what is changed without an error is asked for anew, where its answer says too", async () => {
    let status = 200;
    const { edge, asked } = await startPair((request) => {
      if (request.method === "GET") return kept(`${asked.length}`)(request);
      const headers = { location: "/made", "content-location": "http://elsewhere.example/far" };
      return new Response("", { status, headers });
    });
    const ask = async (path: string) => Number(await (await fetch(edge.url + path)).text());
    const before = [await ask("/it"), await ask("/made"), await ask("/far")];
    status = 500;
    await fetch(`${edge.url}/it`, { method: "POST" });
    expect([await ask("/it"), await ask("/made"), await ask("/far")]).toEqual(before);
    status = 201;
    await fetch(`${edge.url}/it`, { method: "POST" });
    const after = [await ask("/it"), await ask("/made"), await ask("/far")];
    expect(after.map((count, i) => count > before[i]!)).toEqual([true, true, false]);
  });

  test("a purge by tag or by address removes that and nothing else, also what is on its way", async () => {
    let gate: Promise<void> | undefined;
    const { edge, asked } = await startPair(async (request) => {
      const { pathname } = new URL(request.url);
      await gate;
      return kept(`${asked.length}`, { "surrogate-key": `all ${pathname.slice(1)}` })(request);
    });
    const ask = async (path: string) => (await fetch(edge.url + path)).text();
    const [one, two] = [await ask("/f-1"), await ask("/f-2")];
    expect((await purge(edge, "/", { "surrogate-key": "f-1" })).status).toBe(200);
    const newer = await ask("/f-1");
    expect([newer === one, (await ask("/f-2")) === two]).toEqual([false, true]);
    expect((await purge(edge, "/f-2")).status).toBe(200);
    expect(await ask("/f-2")).not.toBe(two);
    expect(await ask("/f-1")).toBe(newer);
    // Under way while it is purged: who asked gets it, and nobody after.
    const opened = Promise.withResolvers<void>();
    gate = opened.promise;
    const before = asked.length;
    const early = ask("/f-3");
    await eventually(() => asked.length === before + 1, "it is asked");
    await purge(edge, "/", { "surrogate-key": "f-3" });
    opened.resolve();
    expect(await ask("/f-3")).not.toBe(await early);
    expect(await ask("/f-3")).not.toBe(await early);
    for (const tags of ["", ".*?", "a  b"]) {
      expect((await purge(edge, "/", { "surrogate-key": tags })).status).toBe(400);
    }
    await fetch(`${edge.adminUrl}/edge/cache`, { method: "DELETE" });
    const later = await ask("/f-1");
    expect(later).not.toBe(newer);
  });

  test("nobody joins a body on its way that has been purged since it was asked for", async () => {
    const gate = Promise.withResolvers<void>();
    const { edge, asked } = await startPair(() => {
      const name = String(asked.length);
      const body = streamOf(async function* () {
        yield Buffer.from(`begin ${name} `);
        await gate.promise;
        yield Buffer.from("end");
      });
      return new Response(body, { headers: { ...forAnHour, "surrogate-key": "tag" } });
    });
    const clients = [await open(edge), await open(edge), await open(edge)];
    const [first, second, third] = clients as [RawClient, RawClient, RawClient];
    for (const client of [first, second]) {
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await client.until((text) => text.includes("begin 1"));
    }
    await purge(edge, "/", { "surrogate-key": "tag" });
    third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await third.until((text) => text.includes("begin 2"));
    gate.resolve();
    for (const client of clients) await client.until((text) => text.endsWith("0\r\n\r\n"));
    expect(await (await fetch(edge.url, { headers: { host: "a" } })).text()).toBe("begin 2 end");
  });

  test("with a token, who has none purges nothing", async () => {
    const { edge } = await startPair(kept(), { environment: { EDGE_ADMIN_TOKEN: "a-secret" } });
    const given = (authorization: string) =>
      purge(edge, "/", { authorization, "surrogate-key": "a" });
    expect((await purge(edge, "/")).status).toBe(401);
    expect((await given("Bearer another")).status).toBe(401);
    expect((await given("Bearer a-secret")).status).toBe(200);
    expect((await given(`Basic ${btoa("purge:a-secret")}`)).status).toBe(200);
  });

  test("tags are for caches alone", async () => {
    const { edge } = await startPair(kept("it", { "surrogate-key": "a b", "cache-tag": "a" }));
    for (const _ of ["miss", "hit"]) {
      const { headers } = await fetch(edge.url);
      expect([headers.get("surrogate-key"), headers.get("cache-tag")]).toEqual([null, null]);
    }
    const cache = { "surrogate-capability": 'varnish="Surrogate/1.0"' };
    expect((await fetch(edge.url, { headers: cache })).headers.get("surrogate-key")).toBe("a b");
  });
});

describe("with a disk", () => {
  test("a restart loses nothing that may still be served, and brings back nothing purged", async () => {
    const environment = { EDGE_CACHE_DISK_SIZE: String(10 << 20), EDGE_CACHE_DIR: folder() };
    const counts = { asked: 0 };
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/ready") return Response.json({ status: "ready" });
        counts.asked++;
        return kept(`${pathname} ${counts.asked}`, { "surrogate-key": pathname.slice(1) })(request);
      },
    });
    cleanUps.push(() => server.stop(true));
    const urls = [`http://127.0.0.1:${server.port}`];
    // Ports differ, and the host is part of what is kept.
    const ask = (edge: Edge, path: string, method = "GET") =>
      fetch(edge.url + path, { method, headers: { host: "chat.example" } });
    const paths = Array.from({ length: 20 }, (_, i) => `/p-${i}`);
    const first = await startTestEdge({ urls, environment });
    const texts = await Promise.all(paths.map(async (path) => (await ask(first, path)).text()));
    await eventually(() => first.cacheFigures()?.diskEntries === 20, "all are on disk");
    await fetch(`${first.adminUrl}/`, { method: "PURGE", headers: { "surrogate-key": "p-7" } });
    await first.stop();
    const second = await startTestEdge({ urls, environment });
    cleanUps.push(() => second.stop());
    await eventually(() => second.cacheFigures()?.diskEntries === 19, "the index is rebuilt");
    const again = await Promise.all(paths.map(async (path) => (await ask(second, path)).text()));
    expect(again.filter((text, i) => text !== texts[i])).toEqual(["/p-7 21"]);
    const head = await ask(second, "/p-3", "HEAD");
    expect(head.headers.get("cache-status")).toContain("hit");
  });
});
