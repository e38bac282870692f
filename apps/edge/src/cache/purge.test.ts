import { afterEach, describe, expect, test } from "bun:test";
import type { Edge } from "../edge.ts";
import { cleanUp, forAnHour, kept, open, startPair, streamOf } from "../testing/cache-pair.ts";
import type { RawClient } from "../testing/raw-client.ts";
import { eventually } from "../testing/test-edge.ts";

afterEach(cleanUp);

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
