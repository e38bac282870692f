import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../config.ts";
import type { Edge } from "../edge.ts";
import { RecordingUpstream } from "../testing/recording-upstream.ts";
import { eventually, KeptLog, startTestEdge } from "../testing/test-edge.ts";
import { readServerEntries } from "./server-entries.ts";
import { ServerSource } from "./server-source.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function upstreams(count: number): Promise<RecordingUpstream[]> {
  const all = await Promise.all(Array.from({ length: count }, () => RecordingUpstream.start()));
  for (const upstream of all) cleanUps.push(() => upstream.stop());
  return all;
}

function urlsOf(edge: Edge): string[] {
  return edge.pool.snapshot().servers.map((server) => server.url);
}

function temporaryFile(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-servers-"));
  cleanUps.push(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "servers");
  writeFileSync(file, text);
  return file;
}

describe("a list", () => {
  test("is lines or JSON, with names that stand for many", () => {
    expect(
      readServerEntries("# ours\nhttp://a:1;weight=2 # the big one\n\ndns+http://b:2, http://c:3"),
    ).toMatchObject([
      { spec: { url: "http://a:1", weight: 2 }, isName: false },
      { spec: { url: "http://b:2" }, isName: true },
      { spec: { url: "http://c:3" }, isName: false },
    ]);
    expect(readServerEntries('[{"url": "dns+http://b:2", "zone": "x"}]')).toEqual([
      { spec: { url: "http://b:2", zone: "x" }, isName: true },
    ]);
  });

  test("with a mistake is refused with the place and the value", () => {
    expect(() => readServerEntries("http://a:1,htp://b:2")).toThrow(
      'server 2: "htp://b:2" must begin with http:// or https://',
    );
    expect(() => readServerEntries("http://a:1,http://a:1/")).toThrow("already listed as server 1");
    expect(() => readServerEntries("[{")).toThrow("no JSON");
    expect(() => readServerEntries("http://a:1;wieght=2")).toThrow('did you mean "weight"');
  });
});

describe("a file that is watched", () => {
  test("changes the servers; a mistake in it changes nothing and is told once", async () => {
    const [a, b] = await upstreams(2);
    const file = temporaryFile(a!.url);
    const log = new KeptLog();
    const config = readConfig({ EDGE_SERVERS_FILE: file });
    const edge = await startTestEdge({ servers: new ServerSource(config, { everyMs: 10 }), log });
    cleanUps.push(() => edge.stop());
    expect(urlsOf(edge)).toEqual([a!.url]);

    writeFileSync(file, `${a!.url};weight=x`);
    const errors = () => log.lines.filter(({ level }) => level === "error").length;
    await eventually(() => errors() > 0, "the error");
    expect(urlsOf(edge)).toEqual([a!.url]);
    expect((await fetch(edge.url)).status).toBe(200);
    rmSync(file);
    await eventually(() => errors() > 1, "the second error");
    await Bun.sleep(50);
    expect(errors()).toBe(2);

    // As an orchestrator does it: another file takes the name.
    writeFileSync(`${file}.new`, `${a!.url}\n${b!.url}\n`);
    renameSync(`${file}.new`, file);
    await eventually(() => urlsOf(edge).length === 2, "the second server");

    writeFileSync(file, b!.url);
    await eventually(() => urlsOf(edge).length === 1, "the first server gone");
    await eventually(async () => (await fetch(edge.url)).status === 200, "the second one up");
    expect(b!.requests.length).toBeGreaterThan(0);
    await eventually(() => a!.sockets.size === 0, "the connections to it closed");
  });
});

describe("a name that stands for many", () => {
  test("is looked up again and again, and a resolver that is down loses nothing", async () => {
    let addresses = ["127.0.0.1"];
    const [upstream] = await upstreams(1);
    const { port } = new URL(upstream!.url);
    const log = new KeptLog();
    const source = new ServerSource(
      readConfig({ EDGE_SERVERS: `dns+http://servers.internal:${port};zone=x` }),
      {
        everyMs: 10,
        lookup: async (host) => {
          expect(host).toBe("servers.internal");
          if (addresses.length === 0) throw new Error("the resolver is down");
          return addresses;
        },
      },
    );
    const edge = await startTestEdge({ servers: source, log });
    cleanUps.push(() => edge.stop());
    expect(urlsOf(edge)).toEqual([`http://127.0.0.1:${port}`]);
    addresses = ["127.0.0.2", "127.0.0.1", "::1"];
    await eventually(() => urlsOf(edge).length === 3, "the new addresses");
    expect(urlsOf(edge)).toContain(`http://[::1]:${port}`);
    addresses = [];
    await eventually(() => log.lines.some(({ level }) => level === "error"), "the error");
    expect(urlsOf(edge)).toHaveLength(3);
  });

  test("that is not known at the start stops it", async () => {
    const source = new ServerSource(readConfig({ EDGE_SERVERS: "dns+http://nobody.internal:1" }), {
      lookup: () => Promise.reject(new Error("not found")),
    });
    await expect(startTestEdge({ servers: source })).rejects.toThrow(
      "nobody.internal cannot be looked up",
    );
  });
});

describe("the administration port", () => {
  test("adds, drains, takes back and removes while requests run", async () => {
    const [a, b] = await upstreams(2);
    const edge = await startTestEdge({ urls: [a!.url] });
    cleanUps.push(() => edge.stop());
    const ask = (method: string, path = "", body?: object) =>
      fetch(`${edge.adminUrl}/edge/servers${path}`, {
        method,
        ...(body && { body: JSON.stringify(body) }),
      });
    const states = async () =>
      Object.fromEntries(
        (
          (await (await ask("GET")).json()) as { servers: { url: string; state: string }[] }
        ).servers.map(({ url, state }) => [url, state]),
      );

    expect((await ask("POST", "", { url: b!.url, weight: 3 })).status).toBe(201);
    await eventually(async () => (await states())[b!.url] === "up", "the new server up");
    const twice = await ask("POST", "", { url: b!.url });
    expect(twice.status).toBe(400);
    expect(await twice.json()).toMatchObject({ error: { code: "invalid_servers" } });
    expect((await ask("POST", "", { url: "nonsense" })).status).toBe(400);
    expect((await ask("DELETE", "/nobody")).status).toBe(404);

    // A request that does not end holds it in "draining".
    a!.respond = () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
    b!.respond = a!.respond;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        fetch(edge.url).then((response) => response.body!.getReader()),
      ),
    );
    expect(a!.requests.length).toBeGreaterThan(0);
    const id = encodeURIComponent(a!.url);
    expect((await ask("DELETE", `/${id}`)).status).toBe(202);
    expect((await states())[a!.url]).toBe("draining");
    expect((await ask("POST", "", { url: a!.url })).status).toBe(201);
    expect((await states())[a!.url]).toBe("up");
    await ask("DELETE", `/${id}`);
    for (const socket of a!.sockets) socket.write("0\r\n\r\n");
    await eventually(async () => (await states())[a!.url] === undefined, "the drained one gone");
    await Promise.all(answers.map((reader) => reader.cancel()));
  });

  test("keeps what it drains, and never drains the last one that takes requests", async () => {
    const [a, b] = await upstreams(2);
    const edge = await startTestEdge({ urls: [a!.url, b!.url] });
    cleanUps.push(() => edge.stop());
    const states = () => edge.pool.snapshot().servers.map(({ state }) => state);
    await eventually(() => states().every((state) => state === "up"), "both up");
    const patch = async (url: string, body: unknown) => {
      const path = `${edge.adminUrl}/edge/servers/${encodeURIComponent(url)}`;
      const response = await fetch(path, { method: "PATCH", body: JSON.stringify(body) });
      const { error } = (await response.json()) as { error?: { code: string } };
      return error?.code ?? response.status;
    };

    expect(await patch(a!.url, { drained: true })).toBe(200);
    expect(states()).toEqual(["draining", "up"]);
    expect(await patch(b!.url, { drained: true })).toBe("last_server");
    const before = a!.requests.length;
    for (let i = 0; i < 10; i++) expect((await fetch(`${edge.url}/of-a-client`)).status).toBe(200);
    const lines = a!.requests.slice(before).map(({ line }) => line);
    expect(lines.join()).not.toContain("/of-a-client");
    // It has nothing left, and is there all the same.
    expect(states()).toEqual(["draining", "up"]);
    expect(await patch(a!.url, { drained: false })).toBe(200);
    expect(states()).toEqual(["up", "up"]);

    expect(await patch("http://nobody", { drained: true })).toBe("unknown_server");
    for (const body of [null, {}, { drained: "yes" }]) {
      expect(await patch(a!.url, body)).toBe("invalid_request");
    }
  });

  test("asks for its token, and without one for a loopback name", async () => {
    const [a] = await upstreams(1);
    const open = await startTestEdge({ urls: [a!.url] });
    const closed = await startTestEdge({
      urls: [a!.url],
      environment: { EDGE_ADMIN_TOKEN: "letmein" },
    });
    cleanUps.push(
      () => open.stop(),
      () => closed.stop(),
    );
    const path = "/edge/servers";
    const rebound = await fetch(open.adminUrl + path, { headers: { host: "evil.example" } });
    expect(rebound.status).toBe(403);
    expect((await fetch(closed.adminUrl + path)).status).toBe(401);
    const authorization = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    expect((await fetch(closed.adminUrl + path, authorization("letmeout"))).status).toBe(401);
    expect((await fetch(closed.adminUrl + path, authorization("letmein"))).status).toBe(200);
  });
});
