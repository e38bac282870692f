import { afterAll, beforeAll, expect, test } from "bun:test";
import { startVarnish, type Varnish } from "@peregrine/cdn/testing";
import { freePort } from "@peregrine/process/testing";
import type { Browser, Page } from "playwright-core";
import { ask, launchBrowser, newPerson, signUp } from "./browser.ts";
import { type RedisServer, startRedisServer } from "./redis-server.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

/** The server with Redis behind it and a real Varnish as the CDN before it, seen in Chromium. */
let browser: Browser;
let redis: RedisServer;
let server: ServerProcess;
let varnish: Varnish;

beforeAll(async () => {
  const port = await freePort();
  const cdnUrl = `http://127.0.0.1:${port}`;
  [browser, redis] = await Promise.all([launchBrowser(), startRedisServer()]);
  server = await startServerProcess({
    REDIS_URL: redis.url,
    CDN_URL: cdnUrl,
    CDN_SIGNING_KEY: "a key for this test alone",
    CDN_PURGE_URLS: cdnUrl,
    CDN_ASSETS: "true",
  });
  varnish = await startVarnish(Number(new URL(server.url).port), port);
});

afterAll(async () => {
  await browser.close();
  await varnish.stop();
  await server.remove();
  await redis.stop();
});

/** How Varnish got an answer: it names two requests where it had the second's answer already. */
const isHit = (response: Response) => /^\d+ \d+$/.test(response.headers.get("x-varnish") ?? "");

async function upload(page: Page, name: string, bytes: Buffer): Promise<string> {
  await page.setInputFiles('input[type="file"]', { name, mimeType: "image/png", buffer: bytes });
  await page.locator('.attachment[data-state="ready"]').waitFor();
  await ask(page, "Look at this");
  const link = page.getByRole("link", { name });
  await link.waitFor();
  const href = (await link.getAttribute("href")) ?? "";
  return /files\/([0-9a-f-]{36})\//.exec(href)?.[1] ?? "";
}

test("the page loads its scripts from the CDN, and a second visit asks for the page alone", async () => {
  const { page, problems } = await newPerson(browser);
  await signUp(page, server.url);
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const loaded: { id: string; url: string; fromDisk: boolean }[] = [];
  const fromMemory = new Set<string>();
  session.on("Network.responseReceived", ({ requestId, response }) => {
    loaded.push({ id: requestId, url: response.url, fromDisk: response.fromDiskCache ?? false });
  });
  session.on("Network.requestServedFromCache", ({ requestId }) => fromMemory.add(requestId));
  await page.goto(server.url);
  await page.getByLabel("Message", { exact: true }).waitFor();
  const assets = loaded.filter(({ url }) => /assets\/.*\.(js|css)$/.test(url));
  expect(assets.length).toBeGreaterThan(1);
  for (const { id, url, fromDisk } of assets) {
    expect(url).toStartWith(`${varnish.url}/assets/`);
    expect([url, fromDisk || fromMemory.has(id)]).toEqual([url, true]);
  }
  expect(problems).toEqual([]);
  await page.context().close();
});

test("a deleted file is gone from every layer", async () => {
  const { page, problems } = await newPerson(browser);
  await signUp(page, server.url);
  const picture = await page.screenshot();
  const id = await upload(page, "falcon.png", picture);
  // The browser shows it by way of the CDN, as the page's policy allows.
  await page.waitForFunction(() => {
    const image = document.querySelector<HTMLImageElement>(".file-picture img");
    return image?.complete && image.naturalWidth > 0;
  });
  const content = `${server.url}/api/v1/files/${id}/content`;
  const redirect = await page.request.get(content, { maxRedirects: 0 });
  const address = redirect.headers().location ?? "";
  expect(address).toStartWith(`${varnish.url}/cdn/files/${id}?`);
  const kept = await fetch(address);
  expect([kept.status, isHit(kept)]).toEqual([200, true]);
  expect(Buffer.from(await kept.bytes()).equals(picture)).toBe(true);
  const part = await fetch(address, { headers: { range: "bytes=1-3" } });
  expect([part.status, await part.text()]).toEqual([206, "PNG"]);

  // The server's memory, Redis and the database: at once. Varnish: as soon as the purge is through.
  const started = performance.now();
  const deleted = await page.request.delete(`${server.url}/api/v1/files/${id}`);
  expect(deleted.status()).toBe(204);
  expect((await page.request.get(content, { maxRedirects: 0 })).status()).toBe(404);
  while ((await fetch(address)).status !== 404) {
    if (performance.now() - started > 5_000) throw new Error("Varnish still has the file");
    await Bun.sleep(1);
  }
  const { messages } = await page.evaluate(async () => {
    const conversation = location.pathname.split("/").at(-1);
    const response = await fetch(`/api/v1/conversations/${conversation}/messages`);
    return (await response.json()) as { messages: { files: unknown[] }[] };
  });
  expect(messages.flatMap(({ files }) => files)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});
