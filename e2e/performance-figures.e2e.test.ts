import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase } from "@peregrine/database/testing";
import type { ConversationBody } from "@peregrine/protocol";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, newPerson, signUp } from "./browser.ts";
import { type EdgeProcess, startEdgeProcess } from "./edge-process.ts";
import { type ModelServer, startModelServer } from "./model-server/model-server.ts";
import { startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

/**
 * What an administrator reads on the page is what happened: a load of known parts goes through the
 * front door to two servers, and its own counts are compared with the figures in the document.
 */
const workers = 24;
/** For each worker: answers after so many milliseconds, which p50, p95 and p99 fall into. */
const slow = { 100: 40, 400: 5, 1000: 2 };
const failing = 4;
/** The same question in conversations of its own: each server's first is a miss. */
const repeated = 8;

let browser: Browser;
let edge: EdgeProcess;
let models: ModelServer;
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  const database = await createTestDatabase();
  stops.push(() => database.drop());
  models = startModelServer();
  stops.push(() => models.stop());
  const environment = {
    DATABASE_URL: database.url,
    MODEL_SERVERS: models.url,
    METRICS_PORT: "0",
    SHUTDOWN_TIMEOUT: "1",
    // Whatever else this machine has to do, nothing is refused.
    MEMORY_THRESHOLD: "1",
    CPU_THRESHOLD: "1",
  };
  const servers = await Promise.all(
    ["first", "second"].map((SERVER_NAME) => startServerProcess({ ...environment, SERVER_NAME })),
  );
  stops.push(() => Promise.all(servers.map((server) => server.remove())));
  // Without its cache every request comes to a server, and is counted there.
  edge = await startEdgeProcess(
    servers.map(({ url }) => url),
    { EDGE_CACHE_SIZE: "0" },
  );
  stops.push(() => edge.stop());
  // Closed first: while a page is open, so is a stream.
  browser = await launchBrowser();
  stops.push(() => browser.close());
}, 60_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
}, 30_000);

/** What the load saw: each request's status and time to the response. */
class Load {
  readonly seconds: number[] = [];
  errors = 0;
  cacheableAnswers = 0;
  readonly #cookie: string;

  constructor(cookie: string) {
    this.#cookie = cookie;
  }

  async request(method: string, path: string, body?: object): Promise<Response> {
    const startedMs = performance.now();
    const response = await fetch(`${edge.url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", cookie: this.#cookie },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    this.seconds.push((performance.now() - startedMs) / 1000);
    if (response.status >= 500) this.errors++;
    return response;
  }

  async newConversation(cacheAnswers = false): Promise<string> {
    // A title of its own, so that no model is asked for one.
    const created = await this.request("POST", "/conversations", { title: "Load" });
    const { id } = ((await created.json()) as ConversationBody).conversation;
    if (cacheAnswers) await this.request("PATCH", `/conversations/${id}`, { cacheAnswers });
    return id;
  }

  async ask(conversationId: string, content: string): Promise<number> {
    const path = `/conversations/${conversationId}/messages`;
    const response = await this.request("POST", path, { content });
    await response.arrayBuffer();
    return response.status;
  }

  async work(worker: number): Promise<void> {
    const conversation = await this.newConversation();
    for (const [delayMs, times] of Object.entries(slow)) {
      for (let i = 0; i < times; i++) {
        await this.ask(conversation, `{{headersDelayMs=${delayMs} tokens=1}}`);
      }
    }
    for (let i = 0; i < failing; i++) await this.ask(conversation, "{{status=400}}");
    for (let i = 0; i < repeated; i++) {
      await this.ask(await this.newConversation(true), `Repeated by ${worker} {{tokens=1}}`);
      this.cacheableAnswers++;
    }
  }

  quantile(share: number): number {
    const sorted = this.seconds.toSorted((a, b) => a - b);
    return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  }
}

/** A figure of the numbers below the charts, as it is written there. */
async function figure(page: Page, name: string): Promise<string> {
  const row = page
    .getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name, exact: true }) });
  return (await row.getByRole("cell").first().textContent()) ?? "";
}

/** In seconds, or as a fraction, or as a count: by the unit that is written. */
function numberIn(text: string): number {
  const [, digits = "", unit = ""] = /^([\d.,]+) ?(.*)$/.exec(text) ?? [];
  const scale = { "": 1, s: 1, ms: 1e-3, µs: 1e-6, "%": 1e-2 }[unit];
  return Number(digits.replaceAll(",", "")) * (scale ?? Number.NaN);
}

test("an administrator reads what the load counted, within one in a hundred", async () => {
  const { page, problems } = await newPerson(browser);
  const origin = new URL(edge.url).origin;
  let asked = 0;
  page.on("response", (response) => {
    if (response.url().startsWith(origin)) asked++;
  });
  await signUp(page, edge.url);
  await page.getByRole("link", { name: "Performance" }).click();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByLabel("Last").selectOption("15 minutes");
  await page.getByText("In numbers").click();

  const [session] = await page.context().cookies();
  const load = new Load(`${session?.name}=${session?.value}`);
  await Promise.all(Array.from({ length: workers }, (_, worker) => load.work(worker)));

  const answers = Object.values(slow).reduce((sum, times) => sum + times, failing + repeated);
  expect(load.seconds).toHaveLength(workers * (1 + answers + 2 * repeated));
  expect(load.errors).toBe(workers * failing);
  const upstream = models.requests.filter(({ body }) =>
    JSON.stringify(body).includes("Repeated by"),
  ).length;
  expect(upstream).toBeWithin(workers, 2 * workers + 1);
  const hitRatio = 1 - upstream / load.cacheableAnswers;

  let looks = 0;
  /** Figures that are not what the load counted. */
  async function wrong(): Promise<string[]> {
    // Both spans hold all of it; one that is chosen is asked for at once.
    await page.getByLabel("Last").selectOption(looks++ % 2 === 0 ? "an hour" : "15 minutes");
    const all = load.seconds.length + asked;
    const near = (value: number) => [value * 0.99, value * 1.01] as const;
    // A percentile is among answers that took as long as this at least, and as the load saw at
    // most; buckets of the histogram are 9 % apart.
    const between = (least: number, share: number) =>
      [least * 0.95, load.quantile(share) * 1.1] as const;
    const expected = {
      Requests: near(all),
      "Failed requests": near(load.errors),
      "Error rate": near(load.errors / all),
      "Cache hit ratio: ai_response": near(hitRatio),
      "Response time: p50": between(0.1, 0.5),
      "Response time: p95": between(0.4, 0.95),
      "Response time: p99": between(1, 0.99),
    };
    const found: string[] = [];
    for (const [name, [least, most]] of Object.entries(expected)) {
      const text = await figure(page, name);
      const value = numberIn(text);
      if (!(value >= least && value <= most))
        found.push(`${name}: ${text}, not ${least} to ${most}`);
    }
    return found;
  }
  // Figures of the fleet are saved every 15 seconds.
  const patience = { everyMs: 500, withinMs: 60_000 };
  await until(async () => (await wrong()).length === 0, "the figures to agree", patience).catch(
    async () => expect(await wrong()).toEqual([]),
  );
  for (const name of ["first", "second"]) {
    await page.getByRole("rowheader", { name, exact: true }).waitFor();
  }
  expect(problems).toEqual([]);
  await page.context().close();
}, 150_000);
