import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, newPerson, signUp } from "./browser.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

let browser: Browser;
let server: ServerProcess;
let adminEmail: string;

beforeAll(async () => {
  [browser, server] = await Promise.all([
    launchBrowser(),
    startServerProcess({ METRICS_PORT: "0", SERVER_NAME: "first", SHUTDOWN_TIMEOUT: "1" }),
  ]);
});

afterAll(async () => {
  await browser.close();
  await server.remove();
});

/** The number in the tile of a figure. */
async function tile(page: Page, title: string): Promise<string> {
  const item = page
    .getByRole("listitem")
    .filter({ has: page.getByRole("heading", { name: title }) });
  return (await item.locator(".tile-value").first().textContent()) ?? "";
}

test("an administrator sees the load as it comes, clears a cache, silences an alert", async () => {
  const { page, problems } = await newPerson(browser);
  adminEmail = await signUp(page, server.url);
  await page.getByRole("link", { name: "Performance" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  // Which of the two depends on what else this machine has to do.
  const isWell = page.getByText("Nothing is wrong.");
  await isWell.or(page.getByRole("heading", { name: "What is wrong" })).waitFor();

  const stopping = new AbortController();
  const load = (async () => {
    while (!stopping.signal.aborted) {
      await Promise.all(Array.from({ length: 20 }, () => fetch(`${server.url}/health`)));
      await Bun.sleep(100);
    }
  })();
  await until(
    async () => Number.parseFloat(await tile(page, "Requests a second")) > 50,
    "the load to be seen",
  );
  stopping.abort();
  await load;
  await until(
    async () => Number.parseFloat(await tile(page, "Requests a second")) < 20,
    "the load to be over",
  );
  expect(await tile(page, "CPU, memory, disk")).toMatch(/^\d+(\.\d+)? % CPU$/);

  await page.getByRole("rowheader", { name: "first" }).waitFor();
  const charts = page.getByRole("img", { name: /^Response time: / });
  await charts.waitFor();
  expect(await charts.locator("canvas").count()).toBe(1);
  await page.getByLabel("Last").selectOption("a week");
  await charts.waitFor();

  await page.getByRole("button", { name: "Clear all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Clear" }).click();
  await page.getByText("The cache was cleared.").waitFor();

  await page.getByRole("button", { name: "Silence The CPU is busy for an hour" }).click();
  await page
    .getByRole("row", { name: /The CPU is busy/ })
    .getByText("silenced")
    .waitFor();
  await page.getByRole("button", { name: "End", exact: true }).click();
  await page.getByText("The silence is over.").waitFor();
  expect(problems).toEqual([]);
  await page.context().close();
}, 90_000);

test("nobody else finds the page, or loads its code", async () => {
  const { page } = await newPerson(browser);
  await signUp(page, server.url);
  const scripts: string[] = [];
  page.on("request", (request) => scripts.push(request.url()));
  expect(await page.getByRole("link", { name: "Performance" }).count()).toBe(0);
  await page.goto(`${server.url}/performance`);
  await page.getByRole("heading", { name: "This page does not exist" }).waitFor();
  expect(scripts.filter((url) => url.includes("performance-page"))).toEqual([]);
  await page.context().close();
}, 60_000);

test("it fits a phone, in the dark, without sideways scrolling", async () => {
  const context = await browser.newContext({
    viewport: { width: 390, height: 800 },
    colorScheme: "dark",
  });
  const page = await context.newPage();
  await page.goto(`${server.url}/login`);
  await page.getByLabel("Email").fill(adminEmail);
  await page.getByLabel("Password").fill("a good password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Message", { exact: true }).waitFor();
  await page.goto(`${server.url}/performance`);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("img", { name: /^Response time: / }).waitFor();
  const [scroll, client] = await page
    .locator(".performance")
    .evaluate((element) => [element.scrollWidth, element.clientWidth]);
  expect(scroll).toBeLessThanOrEqual(client ?? 0);
  await context.close();
}, 60_000);
