import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startVarnish, type Varnish, verifySignatureV4 } from "@peregrine/cdn/testing";
import { createTestDatabase, type TestDatabase } from "@peregrine/database/testing";
import { freePort } from "@peregrine/process/testing";
import type { FileBody, FileRemovalsBody } from "@peregrine/protocol";
import { RedisClient } from "bun";
import { type EdgeProcess, startEdgeProcess } from "./edge-process.ts";
import { type RedisServer, startRedisServer } from "./redis-server.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/**
 * One change of a public file on its way through all that may have kept it: the memory of two
 * servers, Redis, the door's cache, Varnish as the CDN before the door, and CloudFront, played by a
 * server that checks its signature. Purges pass through a recorder, which notes what was true when
 * each of them came.
 */
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
let database: TestDatabase;
let redis: RedisServer;
let servers: [ServerProcess, ServerProcess];
let edge: EdgeProcess;
let varnish: Varnish;
let cookie: string;
/** Stops what was started, last first. */
const stops: (() => unknown)[] = [];

type Purge = { layer: string; tags: string; atMs: number; serversWere: number[]; doorWas: number };
const purges: Purge[] = [];
/** The file that is watched while purges come. */
let watched = "";

/** As Varnish asks: the door keeps what it has by the name of the host that was asked for. */
const get = (url: string, path: string, headers: Record<string, string> = {}) =>
  fetch(url + path, { headers: { host: new URL(varnish.url).host, ...headers } });
const statusOf = async (url: string, path: string) => (await get(url, path)).status;

/** Passes on what a layer is sent, and notes it, and what the layers behind it answer just then. */
function record(layer: string, pass: (request: Request, body: string) => Promise<Response>) {
  const recorder = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const body = await request.text();
      const serversWere = await Promise.all(servers.map(({ url }) => statusOf(url, watched)));
      const doorWas = await statusOf(edge.url, watched);
      const response = await pass(request, body);
      const tags = request.headers.get("surrogate-key") ?? body;
      purges.push({ layer, tags, atMs: performance.now(), serversWere, doorWas });
      return response;
    },
  });
  stops.push(() => recorder.stop(true));
  return recorder.url.origin;
}

beforeAll(async () => {
  const purgeAt = (url: () => string) => async (request: Request) => {
    const headers = { "surrogate-key": request.headers.get("surrogate-key") ?? "" };
    return fetch(url(), { method: "PURGE", headers });
  };
  const door = record(
    "door",
    purgeAt(() => `${edge.adminUrl}/`),
  );
  const cdn = record(
    "Varnish",
    purgeAt(() => `${varnish.url}/`),
  );
  const cloudFront = record("CloudFront", async (request, body) => {
    const problem = verifySignatureV4(request, body, credentials, "us-east-1", "cloudfront");
    if (problem) return new Response(problem, { status: 403 });
    return new Response(
      `<?xml version="1.0"?><Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>I1</Id><Status>InProgress</Status><CreateTime>2026-01-01T00:00:00Z</CreateTime></Invalidation>`,
      { status: 201, headers: { "content-type": "text/xml" } },
    );
  });
  const varnishPort = await freePort();
  database = await createTestDatabase();
  stops.push(() => database.drop());
  redis = await startRedisServer();
  stops.push(() => redis.stop());
  const files = mkdtempSync(join(tmpdir(), "peregrine-purge-"));
  stops.push(() => rmSync(files, { recursive: true }));
  const environment = {
    DATA_DIR: files,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    METRICS_PORT: "0",
    CDN_URL: `http://127.0.0.1:${varnishPort}`,
    CDN_SIGNING_KEY: "a key for this test alone",
    CDN_PURGE_URLS: `${door},${cdn}`,
    CLOUDFRONT_DISTRIBUTION_ID: "EDFDVBD6EXAMPLE",
    AWS_ENDPOINT_URL_CLOUDFRONT: cloudFront,
    S3_ACCESS_KEY_ID: credentials.accessKeyId,
    S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    SHUTDOWN_TIMEOUT: "1",
  };
  servers = await Promise.all([startServerProcess(environment), startServerProcess(environment)]);
  for (const server of servers) stops.push(() => server.remove());
  edge = await startEdgeProcess(servers.map(({ url }) => url));
  stops.push(() => edge.stop());
  varnish = await startVarnish(Number(new URL(edge.url).port), varnishPort);
  stops.push(() => varnish.stop());

  const account = { email: "ada@example.org", password: "a good password", name: "Ada" };
  const registered = await post(`${servers[0].url}/api/v1/auth/register`, account);
  cookie = registered.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
}, 60_000);
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
}, 60_000);

const json = () => ({ "content-type": "application/json", cookie: cookie ?? "" });
const post = (url: string, body: object, method = "POST") =>
  fetch(url, { method, headers: json(), body: JSON.stringify(body) });

async function upload(content: string): Promise<string> {
  const body = new FormData();
  body.append("file", new File([content], "falcons.txt"));
  const init = { method: "POST", headers: { cookie }, body };
  const response = await fetch(`${servers[0].url}/api/v1/files`, init);
  return ((await response.json()) as FileBody).file.id;
}
const show = (id: string, visibility: string) =>
  post(`${servers[0].url}/api/v1/files/${id}`, { visibility }, "PATCH");
const removals = async () => {
  const url = `${servers[1].url}/api/v1/file-removals`;
  return ((await (await fetch(url, { headers: { cookie } })).json()) as FileRemovalsBody).removals;
};

test("made private, a public file is gone from every layer, the servers' own first", async () => {
  const content = "Falcons dive at 300 km/h.";
  const id = await upload(content);
  const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex");
  watched = `/cdn/public/${hash}`;
  const metadata = `${servers[1].url}/api/v1/files/${id}`;
  expect((await show(id, "public")).status).toBe(200);

  // Every layer has it, each from the one behind it.
  const cacheOf = async (url: string) => {
    const response = await get(url, watched);
    expect([url, response.status]).toEqual([url, 200]);
    return /cache;desc="([^"]+)"/.exec(response.headers.get("server-timing") ?? "")?.[1];
  };
  for (const { url } of servers) {
    await until(async () => (await cacheOf(url)) === "memory 1", `${url} to have it in memory`);
  }
  const client = new RedisClient(redis.url);
  const inRedis = async () =>
    (await client.keys("*public_file*")).some((key) => key.includes(hash));
  await until(inRedis, "Redis to have it");
  client.close();
  await get(varnish.url, watched);
  const atDoor = await get(edge.url, watched);
  expect(atDoor.headers.get("cache-status")).toContain("; hit");
  const atCdn = await get(varnish.url, watched);
  expect(atCdn.headers.get("x-varnish")).toMatch(/^\d+ \d+$/);
  expect(await atCdn.text()).toBe(content);
  const validator = { "if-none-match": atCdn.headers.get("etag") ?? "" };
  expect((await get(varnish.url, watched, validator)).status).toBe(304);
  const before = await fetch(metadata, { headers: { cookie } });
  const unchanged = { cookie, "if-none-match": before.headers.get("etag") ?? "" };
  expect((await fetch(metadata, { headers: unchanged })).status).toBe(304);

  // The change; each layer is asked over and over from the moment it is sent.
  const startedMs = performance.now();
  const took = new Map<string, number>();
  const goneFrom = async (layer: string, url: string) => {
    await until(async () => (await statusOf(url, watched)) === 404, `${layer} to forget it`, {
      everyMs: 1,
    });
    took.set(layer, performance.now() - startedMs);
  };
  const changed = show(id, "private").then((response) => {
    took.set("acknowledged", performance.now() - startedMs);
    return response.status;
  });
  await Promise.all([
    changed,
    goneFrom("memory of the server that wrote", servers[0].url),
    goneFrom("memory of the other, and Redis", servers[1].url),
    goneFrom("the door's cache", edge.url),
    goneFrom("Varnish", varnish.url),
    until(() => purges.some(({ layer }) => layer === "CloudFront"), "CloudFront to be told"),
  ]);
  expect(await changed).toBe(200);
  const told = purges.filter(({ tags }) => tags.includes(hash));
  for (const { layer, atMs } of told) took.set(`${layer} told`, atMs - startedMs);

  // From the servers outwards: when a cache is told, nothing behind it can fill it again.
  expect(told.map(({ layer }) => layer)).toEqual(["door", "Varnish", "CloudFront"]);
  for (const { serversWere } of told) expect(serversWere).toEqual([404, 404]);
  expect(told.slice(1).map(({ doorWas }) => doorWas)).toEqual([404, 404]);
  for (const { tags } of told.slice(0, 2)) {
    expect(tags.split(" ").sort()).toEqual([`file-${id}`, `public-${hash}`]);
  }
  expect(told[2]?.tags).toContain(`<Path>${watched}*</Path>`);

  // Complete: also for who has it and only asks whether it is still good.
  for (const url of [servers[0].url, servers[1].url, edge.url, varnish.url]) {
    expect((await get(url, watched, validator)).status).toBe(404);
  }
  expect((await fetch(metadata, { headers: unchanged })).status).toBe(200);
  // CloudFront is still at it, which is seen.
  expect((await removals()).waiting).toBe(1);

  const rows = [...took].sort(([, a], [, b]) => a - b);
  console.log("milliseconds after the change was sent, until");
  for (const [layer, ms] of rows) console.log(`${ms.toFixed(1).padStart(8)}  ${layer}`);
}, 60_000);

test("a file that is deleted goes the same way, and others stay in every layer", async () => {
  const [gone, kept] = ["It is deleted.", "It stays."];
  const ids = await Promise.all([gone, kept].map(upload));
  for (const id of ids) await show(id, "public");
  const paths = [gone, kept].map(
    (content) => `/cdn/public/${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`,
  );
  for (const path of paths) await (await get(varnish.url, path)).text();
  const id = ids[0] ?? "";
  await fetch(`${servers[1].url}/api/v1/files/${id}`, { method: "DELETE", headers: { cookie } });
  for (const url of [servers[0].url, servers[1].url, edge.url, varnish.url]) {
    await until(async () => (await statusOf(url, paths[0] ?? "")) === 404, `${url} to forget it`);
  }
  const other = await get(varnish.url, paths[1] ?? "");
  expect([other.status, await other.text()]).toEqual([200, kept]);
  expect(other.headers.get("x-varnish")).toMatch(/^\d+ \d+$/);
}, 60_000);
