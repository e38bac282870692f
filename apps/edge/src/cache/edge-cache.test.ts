import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Edge } from "../edge.ts";
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

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-edge-cache-"));
  onCleanUp(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

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
    onCleanUp(() => server.stop(true));
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
    onCleanUp(() => second.stop());
    await eventually(() => second.cacheFigures()?.diskEntries === 19, "the index is rebuilt");
    const again = await Promise.all(paths.map(async (path) => (await ask(second, path)).text()));
    expect(again.filter((text, i) => text !== texts[i])).toEqual(["/p-7 21"]);
    const head = await ask(second, "/p-3", "HEAD");
    expect(head.headers.get("cache-status")).toContain("hit");
  });
});
