import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase, type TestDatabase } from "@peregrine/database/testing";
import type { Browser } from "playwright-core";
import { launchBrowser, newPerson, signUp } from "./browser.ts";
import { type EdgeProcess, startEdgeProcess } from "./edge-process.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

let database: TestDatabase;
let browser: Browser;
let edge: EdgeProcess;
let servers: [ServerProcess, ServerProcess];
/** Stops what was started, last first. */
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  stops.push(() => database.drop());
  browser = await launchBrowser();
  stops.push(() => browser.close());
  const environment = {
    DATABASE_URL: database.url,
    METRICS_PORT: "0",
    SHUTDOWN_TIMEOUT: "1",
    MEMORY_THRESHOLD: "1",
    CPU_THRESHOLD: "1",
  };
  const first = await startServerProcess(environment);
  stops.push(() => first.remove());
  edge = await startEdgeProcess([first.url]);
  stops.push(() => edge.stop());
  const second = await startServerProcess({ ...environment, EDGE_ADMIN_URL: edge.adminUrl });
  stops.push(() => second.remove());
  const body = JSON.stringify({ url: second.url });
  const added = await fetch(`${edge.adminUrl}/edge/servers`, { method: "POST", body });
  expect(added.status).toBe(201);
  servers = [first, second];
}, 60_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
}, 60_000);

/** What the door itself says of a server. */
async function stateAtDoor(url: string): Promise<string | undefined> {
  const response = await fetch(`${edge.adminUrl}/edge/servers`);
  const body = (await response.json()) as { servers: { url: string; state: string }[] };
  return body.servers.find((server) => server.url === url)?.state;
}

test("an administrator drains a server behind the door and takes it back", async () => {
  const [first, second] = servers;
  for (const { url } of servers) {
    await until(async () => (await stateAtDoor(url)) === "up", `${url} to be up`);
  }
  const { page, problems } = await newPerson(browser);
  await signUp(page, second.url);
  await page.getByRole("link", { name: "Performance" }).click();
  const section = page.getByRole("region", { name: "Front door" });
  await section.getByRole("row", { name: new RegExp(`^${second.url} up`) }).waitFor();

  await section.getByText(/^(Since the door started its|Nothing was asked of its) cache/).waitFor();

  await section.getByRole("button", { name: `Drain ${first.url}` }).click();
  await page.getByText("It gets no new requests.").waitFor();
  await section.getByRole("row", { name: new RegExp(`^${first.url} draining`) }).waitFor();
  expect(await stateAtDoor(first.url)).toBe("draining");

  await section.getByRole("button", { name: `Drain ${second.url}` }).click();
  await page.getByText(/^No other server takes requests now/).waitFor();
  expect(await stateAtDoor(second.url)).not.toBe("draining");

  await section.getByRole("button", { name: `Take back ${first.url}` }).click();
  await page.getByText("It gets requests again.").waitFor();
  await section.getByRole("button", { name: `Drain ${first.url}` }).waitFor();
  expect(await stateAtDoor(first.url)).not.toBe("draining");

  await edge.stop();
  await section.getByText(/The front door does not answer/).waitFor();
  expect(problems).toEqual([]);

  // The other server knows of no door, and shows nothing of one.
  await page.goto(`${first.url}/performance`);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("heading", { name: "Models" }).waitFor();
  expect(await section.count()).toBe(0);
  await page.context().close();
}, 90_000);
