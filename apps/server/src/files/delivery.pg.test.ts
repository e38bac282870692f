import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import type { FileBody, FileInfo } from "@peregrine/protocol";
import { readConfig } from "../config.ts";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";
import { fileAddresses } from "./file-addresses.ts";

/** A cache of one's own that takes purges, or does not. */
const purges: string[] = [];
let failWith: number | undefined;
let cache: ReturnType<typeof Bun.serve>;
let server: TestServer;
let ada: TestUser;

const removals = () =>
  ada.json<{ removals: { waiting: number; failing: number; lastError: string | null } }>(
    "/api/v1/file-removals",
  );

beforeAll(async () => {
  cache = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      if (failWith !== undefined) return new Response("no", { status: failWith });
      purges.push(request.headers.get("surrogate-key") ?? "");
      return new Response("purged");
    },
  });
  server = await startTestServer({
    CDN_URL: "https://cdn.example.org",
    CDN_SIGNING_KEY: "a key for this test alone",
    CDN_PURGE_URLS: cache.url.origin,
  });
  ada = await TestUser.register(server);
});
afterAll(async () => {
  await server.stop();
  await cache.stop(true);
});

async function upload(user: TestUser, content: string): Promise<FileInfo> {
  const body = new FormData();
  body.append("file", new File([content], "a.txt"));
  return (await user.json<FileBody>("/api/v1/files", { method: "POST", body })).file;
}
/** Where the content is, as the CDN would ask this server for it. */
async function signedAddress(user: TestUser, file: FileInfo) {
  const path = `/api/v1/files/${file.id}/content`;
  const redirect = await user.fetch(path, { redirect: "manual" });
  expect(redirect.status).toBe(302);
  const location = redirect.headers.get("location") ?? "";
  expect(location).toStartWith("https://cdn.example.org/cdn/files/");
  return { redirect, address: location.replace("https://cdn.example.org", server.url) };
}

test("the content is at a signed address that a CDN may keep until it ends", async () => {
  const file = await upload(ada, "delivered");
  const { redirect, address } = await signedAddress(ada, file);
  expect(redirect.headers.get("cache-control")).toMatch(/^private, max-age=\d{1,4}$/);
  const response = await fetch(address);
  expect(await response.text()).toBe("delivered");
  const seconds = Number(
    /^public, max-age=(\d+), immutable$/.exec(response.headers.get("cache-control") ?? "")?.[1],
  );
  expect(seconds).toBeGreaterThanOrEqual(3599);
  expect(seconds).toBeLessThanOrEqual(7200);
  expect(response.headers.get("surrogate-key")).toBe(`file-${file.id}`);
  expect(response.headers.get("cache-tag")).toBe(`file-${file.id}`);
  expect(response.headers.get("content-security-policy")).toContain("sandbox");
  expect(response.headers.get("set-cookie")).toBeNull();
  // The same again within the hour, so that caches know it.
  expect((await signedAddress(ada, file)).address).toBe(address);
  const part = await fetch(address, { headers: { range: "bytes=0-3" } });
  expect([part.status, await part.text()]).toEqual([206, "deli"]);
});

test("a forged signature, another file or another end are refused", async () => {
  const [one, two] = [await upload(ada, "one"), await upload(ada, "two")];
  const { address } = await signedAddress(ada, one);
  const forged = [
    address.replace(one.id, two.id),
    address.replace(/expires=\d+/, "expires=9999999999"),
    address.replace(
      /signature=./,
      (start) => start.slice(0, -1) + (start.endsWith("A") ? "B" : "A"),
    ),
    address.replace(/&signature.*/, ""),
    address.replace(/\?.*/, ""),
  ];
  for (const wrong of forged) {
    const response = await fetch(wrong);
    expect([wrong, response.status]).toEqual([wrong, 403]);
    expect(response.headers.get("cache-control")).toBe("no-store");
  }
});

test("a deleted file is gone at once from the server, and purged from the caches", async () => {
  const file = await upload(ada, "deleted");
  const { address } = await signedAddress(ada, file);
  await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
  expect((await fetch(address)).status).toBe(404);
  await until(() => purges.includes(`file-${file.id}`), "the purge");
});

test("a purge that fails is seen, and tried again until it is through", async () => {
  await until(async () => (await removals()).removals.waiting === 0, "earlier removals");
  const file = await upload(ada, "stubborn");
  failWith = 503;
  await ada.fetch(`/api/v1/files/${file.id}`, { method: "DELETE" });
  await until(async () => (await removals()).removals.failing === 1, "the failure to be seen");
  expect((await removals()).removals.lastError).toContain("answered a purge with 503");
  const other = await TestUser.register(server);
  expect(await other.error("/api/v1/file-removals")).toMatchObject({ status: 403 });
  // Another server takes it up when this one is gone.
  await server.restart();
  failWith = undefined;
  await until(() => purges.includes(`file-${file.id}`), "the purge");
  await until(async () => (await removals()).removals.waiting === 0, "the removal to be through");
});

test("with CloudFront's keys the address leads to the object in the bucket", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const addresses = await fileAddresses(
    readConfig({
      CDN_URL: "https://d111.cloudfront.net",
      S3_BUCKET: "files",
      CLOUDFRONT_KEY_PAIR_ID: "K2",
      CLOUDFRONT_PRIVATE_KEY: String(
        privateKey.export({ type: "pkcs8", format: "pem" }),
      ).replaceAll("\n", "\\n"),
    }),
  );
  const file = { id: "1", objectKey: "files/u/h/1" } as Parameters<typeof addresses.signed>[0];
  const signed = addresses.signed(file, new Date("2026-01-01T00:30:00Z"));
  expect(signed?.sameForSeconds).toBe(1800);
  const url = new URL(signed?.url ?? "");
  expect([url.pathname, url.searchParams.get("Expires")]).toEqual([
    "/files/u/h/1",
    String(Date.parse("2026-01-01T02:00:00Z") / 1000),
  ]);
  expect(addresses.purgePath({ fileId: "1", objectKey: "files/u/h/1" })).toBe("/files/u/h/1");
});
