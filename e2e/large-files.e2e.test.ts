import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, startObjectStore } from "@peregrine/cdn/testing";
import type { FileBody } from "@peregrine/protocol";
import type { Page } from "playwright-core";
import { ask, newPerson, signUp } from "./browser.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";
import { useSystem } from "./use-system.ts";

/** Files that browsers send in parts: through the server, and straight to a real S3 server. */
const system = useSystem();
const directory = mkdtempSync(join(tmpdir(), "peregrine-large-"));
const path = join(directory, "flight.bin");
const partBytes = 8 * 1024 * 1024;
const bytes = Buffer.alloc(4 * partBytes + 1234);
let objects: ObjectStore;
let direct: ServerProcess;

beforeAll(async () => {
  for (let i = 0; i < bytes.length; i += 509) bytes[i] = i >> 9;
  await Bun.write(path, bytes);
  objects = await startObjectStore();
  direct = await startServerProcess({ ...objects.environment, S3_DIRECT_UPLOADS: "true" });
  await objects.allowOrigin(direct.url);
}, 120_000);
afterAll(async () => {
  await direct?.remove();
  await objects?.stop();
  rmSync(directory, { recursive: true });
});

/** The parts that the page sends with success, and where to. */
function watchParts(page: Page): { number: number; origin: string }[] {
  const parts: { number: number; origin: string }[] = [];
  page.on("response", (response) => {
    const url = new URL(response.url());
    const number = /\/parts\/(\d+)$/.exec(url.pathname)?.[1] ?? url.searchParams.get("partNumber");
    if (response.request().method() !== "PUT" || number === null || !response.ok()) return;
    parts.push({ number: Number(number), origin: url.origin });
  });
  return parts;
}
const choose = (page: Page) => page.setInputFiles('input[type="file"]', path);
const ready = (page: Page) => page.locator('.attachment[data-state="ready"]').waitFor();
const numbers = (parts: { number: number }[]) => parts.map(({ number }) => number).sort();

test("cut off at the half, a large file goes on in the next page, and can be shared", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, system.server.url);
  const parts = watchParts(page);
  await page.route("**/parts/*", (route) =>
    Number(route.request().url().split("/").at(-1)) > 2 ? route.abort() : route.continue(),
  );
  await choose(page);
  await until(() => parts.length === 2, "the first two parts");
  const progress = page.getByRole("progressbar");
  await until(async () => Number(await progress.getAttribute("value")) >= 0.48, "the half");

  // In this order: nothing of the old page gets through once the new one may send.
  await page.reload();
  await page.unroute("**/parts/*");
  await page.getByLabel("Message", { exact: true }).waitFor();
  await choose(page);
  await ready(page);
  expect(numbers(parts)).toEqual([1, 2, 3, 4, 5]);

  await ask(page, "What is this?");
  const link = page.getByRole("link", { name: "flight.bin" });
  await link.waitFor();
  const href = (await link.getAttribute("href")) ?? "";
  const content = await page.request.get(system.server.url + href);
  expect(Bun.hash(await content.body())).toBe(Bun.hash(bytes));

  await page.getByRole("button", { name: "Share flight.bin" }).click();
  await page.getByText("You alone can open this file.").waitFor();
  await page.getByRole("button", { name: "Make public" }).click();
  const shared = page.getByRole("dialog").getByRole("link");
  const address = (await shared.getAttribute("href")) ?? "";
  expect((await fetch(address, { method: "HEAD" })).headers.get("content-length")).toBe(
    String(bytes.length),
  );
  await page.getByRole("button", { name: "Make private" }).click();
  await page.getByText("You alone can open this file.").waitFor();
  expect((await fetch(address, { method: "HEAD" })).status).toBe(404);
  expect(problems).toEqual([]);
  await page.context().close();
}, 60_000);

test("with a bucket the parts go there from the browser, and through the server where they cannot", async () => {
  const { page, problems } = await newPerson(system.browser);
  await signUp(page, direct.url);
  const parts = watchParts(page);
  await choose(page);
  await ready(page);
  expect(numbers(parts)).toEqual([1, 2, 3, 4, 5]);
  const bucket = new URL(objects.options.endpoint).origin;
  expect(new Set(parts.map(({ origin }) => origin))).toEqual(new Set([bucket]));
  await ask(page, "What is this?");
  const link = page.getByRole("link", { name: "flight.bin" });
  await link.waitFor();
  const content = await page.request.get(direct.url + (await link.getAttribute("href")));
  expect(Bun.hash(await content.body())).toBe(Bun.hash(bytes));

  // A bucket that pages of this address may not put into.
  await objects.allowOrigin("https://elsewhere.example");
  parts.length = 0;
  const uploaded = page.waitForResponse((response) => response.url().endsWith("/complete"));
  await choose(page);
  await ready(page);
  const { file } = (await (await uploaded).json()) as FileBody;
  expect(file.sizeBytes).toBe(bytes.length);
  expect(numbers(parts)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(parts.map(({ origin }) => origin))).toEqual(new Set([direct.url]));
  expect(problems).toEqual([]);
  await page.context().close();
}, 60_000);
