import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
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

/** The page as the administrator of the first test sees it, in a browser profile of its own. */
async function signedInPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(`${server.url}/login`);
  await page.getByLabel("Email").fill(adminEmail);
  await page.getByLabel("Password").fill("a good password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Message", { exact: true }).waitFor();
  await page.goto(`${server.url}/performance`);
  await page.getByText("Live", { exact: true }).waitFor();
  return page;
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

  await page.getByRole("button", { name: "Warm" }).click();
  await page
    .getByRole("dialog")
    .getByText(/are read from the database/)
    .waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Warm" }).click();
  await page.getByText("The caches are warm.").waitFor();

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

test("an administrator optimises the database, follows advice, and sees what was done", async () => {
  const page = await signedInPage();
  const section = page.getByRole("region", { name: "Database advice" });
  await section.getByRole("button", { name: "Look for advice" }).click();
  await section.getByText(/^A job would do \d+ of the \d+ things/).waitFor();
  await section.getByRole("button", { name: "Apply: The extension pg_stat_statements" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("CREATE EXTENSION pg_stat_statements").waitFor();
  await dialog.getByRole("button", { name: "Apply" }).click();
  await section.getByText(/pg_stat_statements by an administrator, is done/).waitFor();
  await section.getByRole("button", { name: "Optimise now" }).click();
  await dialog.getByRole("button", { name: "Optimise" }).click();
  const job = section.getByText(/^.* ago ?Optimised by an administrator, is done/);
  await job.waitFor();
  // What was shown as to be done is looked for again.
  await section.getByText(/^A job would find nothing to do/).waitFor();
  await job.click();
  await section.getByText(/^users_created_at_idx: done\..*Undo: DROP INDEX/).waitFor();
  await page.getByText("By administrators, the latest first").click();
  await page.getByRole("row", { name: /Ada Lovelace database\.optimize / }).waitFor();
  await page.context().close();
}, 90_000);

test("a rule is tried on the past, saved, changed and deleted", async () => {
  const page = await signedInPage();
  await page.getByText("Rules", { exact: true }).click();
  await page.getByRole("button", { name: "New rule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Title").fill("Somebody is there");
  await dialog.getByLabel("Expression").fill("requests[1m");
  await dialog.getByLabel("Threshold").fill("0");
  await dialog.getByRole("button", { name: "Try on the last week" }).click();
  await dialog.getByText(/^At character \d+: /).waitFor();
  await dialog.getByLabel("Expression").fill("");
  await dialog.getByText(/See all figures$/).click();
  await dialog.getByRole("button", { name: "throughput", exact: true }).click();
  expect(await dialog.getByLabel("Expression").inputValue()).toBe("throughput[5m]");
  await dialog.getByRole("button", { name: "Try on the last week" }).click();
  await dialog.getByText(/^(It would|There is no past)/).waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("The rule is saved.").waitFor();
  await page.getByRole("button", { name: "Change Somebody is there" }).click();
  await dialog.getByLabel("Threshold").fill("1000000");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("throughput[5m] is above 1000000 for 60 s").waitFor();
  await page.getByRole("button", { name: "Delete Somebody is there" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("throughput[5m] is above").waitFor({ state: "detached" });
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
  const page = await signedInPage({ viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await page.getByRole("img", { name: /^Response time: / }).waitFor();
  const [scroll, client] = await page
    .locator(".performance")
    .evaluate((element) => [element.scrollWidth, element.clientWidth]);
  expect(scroll).toBeLessThanOrEqual(client ?? 0);
  await page.context().close();
}, 60_000);
