import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestDatabase } from "@peregrine/database/testing";
import type { Browser } from "playwright-core";
import type { Thread } from "../apps/web/src/thread/thread.ts";
import { launchBrowser, newPerson, signUp } from "./browser.ts";
import { CountedTitles } from "./counted-titles.ts";
import { type EdgeProcess, startEdgeProcess } from "./edge-process.ts";
import { startModelServer } from "./model-server/model-server.ts";
import { Person } from "./person.ts";
import { startRedisServer } from "./redis-server.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { Tab } from "./tab.ts";
import { until } from "./until.ts";

/** Three servers behind a door, of which one dies: nobody misses anything. */
const tabsEach = 100;
const readersEach = 10;
let browser: Browser;
let edge: EdgeProcess;
let servers: [ServerProcess, ServerProcess, ServerProcess];
/** Stops what was started, last first. */
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  const database = await createTestDatabase();
  stops.push(() => database.drop());
  const redis = await startRedisServer();
  stops.push(() => redis.stop());
  const models = startModelServer();
  stops.push(() => models.stop());
  browser = await launchBrowser();
  stops.push(() => browser.close());
  const start = async () => {
    const server = await startServerProcess({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      MODEL_SERVERS: models.url,
      METRICS_PORT: "0",
      DB_POOL_SIZE: "5",
      SHUTDOWN_TIMEOUT: "1",
      MEMORY_THRESHOLD: "1",
      CPU_THRESHOLD: "1",
    });
    stops.push(() => server.remove());
    return server;
  };
  // The first makes the schema.
  const first = await start();
  servers = [first, ...(await Promise.all([start(), start()]))];
  edge = await startEdgeProcess([first.url], { EDGE_MAX_CONNECTIONS_PER_ADDRESS: "0" });
  stops.push(() => edge.stop());
}, 60_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
}, 30_000);

/** What the door itself says of a server. */
async function stateAtDoor(url: string): Promise<string | undefined> {
  const response = await fetch(`${edge.adminUrl}/edge/servers`);
  const body = (await response.json()) as { servers: { url: string; state: string }[] };
  return body.servers.find((server) => server.url === url)?.state;
}

async function addToDoor(server: ServerProcess): Promise<void> {
  if ((await stateAtDoor(server.url)) !== undefined) return;
  const body = JSON.stringify({ url: server.url });
  const added = await fetch(`${edge.adminUrl}/edge/servers`, { method: "POST", body });
  expect(added.status).toBe(201);
}

test("a page whose server died shows on another what happened meanwhile", async () => {
  const [first, second] = servers;
  const { page, problems } = await newPerson(browser);
  await signUp(page, edge.url);
  const [cookie] = await page.context().cookies();
  const ada = new Person(`${cookie?.name}=${cookie?.value}`);
  const open = await ada.newConversation(first.url, "Falcons");
  const gone = await ada.newConversation(first.url, "Pigeons");
  await page.goto(`${edge.url}/c/${open}`);
  const list = page.getByRole("navigation", { name: "Conversations" });
  await list.getByRole("link", { name: "Pigeons" }).waitFor();
  await page.evaluate("window.isSamePage = true");

  // The door knows of no other yet, so nothing of this is told to the page.
  await first.kill();
  await ada.rename(second.url, open, "Peregrines");
  await ada.send(second.url, "DELETE", `/conversations/${gone}`);
  await ada.newConversation(second.url, "Kestrels");
  await ada.ask(second.url, open, "How do they dive? {{tokens=30}}");
  await addToDoor(second);

  await page.getByText("word29").first().waitFor({ timeout: 60_000 });
  await list.getByRole("link", { name: "Peregrines" }).waitFor();
  await list.getByRole("link", { name: "Kestrels" }).waitFor();
  expect(await list.getByRole("link", { name: "Pigeons" }).count()).toBe(0);
  expect(await page.evaluate("window.isSamePage")).toBe(true);
  expect(problems).toEqual([]);
  await page.context().close();
  await first.start();
}, 120_000);

test("hundreds of tabs come back on others with every event, in order, and answers go on", async () => {
  const [first, second, third] = servers;
  for (const server of [second, third]) {
    const { url } = server;
    await addToDoor(server);
    await until(async () => (await stateAtDoor(url)) === "up", `${url} to be up`);
  }
  const people = await Promise.all([1, 2, 3, 4].map(() => Person.register(third.url)));
  const groups = await Promise.all(people.map(openTabs));
  const tabs = groups.flatMap((group) => group.tabs);
  await until(() => tabs.every((tab) => tab.isOpen && tab.reads > 0), "all tabs to be open");
  for (const tab of tabs) tab.ping();
  await until(() => tabs.every((tab) => tab.pongs > 0), "all tabs to hear an echo");

  let watched = groups.flatMap(watchTitles);
  let isWriting = true;
  const writing = groups.map((group) => count(group, () => isWriting));
  // Endless, on a server that stays, and read through all of them.
  const answering = groups.map(({ person, asked }) =>
    person.ask(third.url, asked, "{{tokens=100000 rate=40}}"),
  );
  const read = (readers: Thread[]) => readers.map(({ messages }) => messages.last?.textLength ?? 0);
  const haveMoreThan = (least: number) =>
    until(
      () => groups.every(({ readers }) => read(readers).every((length) => length > least)),
      `all readers to have more than ${least} characters`,
    );
  await haveMoreThan(0);
  await until(
    () => tabs.every((tab) => tab.state.conversations.busy.value.size === 1),
    "busy tabs",
  );

  // Whoever loses the server is away until much has happened.
  for (const tab of tabs) tab.isOffline = true;
  await second.kill();
  await until(() => tabs.some((tab) => !tab.isOpen), "tabs to lose their server");
  await untilMoreIsWritten(groups);
  for (const titles of watched) expect(titles.problems).toEqual([]);
  const stayed = watched.filter((_, index) => tabs[index]?.isOpen);
  expect(stayed.some(({ seen }) => seen > 0)).toBe(true);
  expect(stayed.filter(({ seen, isOver }) => seen === 0 && !isOver)).toEqual([]);
  const reads = tabs.map((tab) => tab.reads);
  for (const tab of tabs) tab.isOffline = false;
  await until(() => tabs.every((tab) => tab.isOpen), "all tabs to be back");
  await until(
    () => tabs.every((tab, index) => tab.opened === 1 || tab.reads > (reads[index] ?? 0)),
    "all tabs that were away to read what they missed",
  );
  await untilMoreIsWritten(groups);
  watched = groups.flatMap(watchTitles);
  await untilMoreIsWritten(groups);
  await haveMoreThan(Math.max(...groups.flatMap(({ readers }) => read(readers))));
  for (const { person, asked } of groups) await person.stopAnswer(first.url, asked);
  await Promise.all(answering);
  isWriting = false;
  await Promise.all(writing);

  for (const titles of watched) expect(titles.problems).toEqual([]);
  for (const { person, counted, asked, number, tabs, readers } of groups) {
    const list = JSON.stringify(await person.conversations(first.url));
    for (const { state } of tabs) {
      const { items, busy } = state.conversations;
      await until(() => JSON.stringify(items.value) === list, "every tab to have the same list");
      await until(() => busy.value.size === 0, "every tab to know that the answer has ended");
    }
    const title = tabs[0]?.state.conversations.get(counted)?.title;
    expect(title).toBe(String(number));
    const [answer, ...questions] = await person.messages(first.url, asked);
    expect(questions).toHaveLength(1);
    const words = answer?.content.trim().split(" ") ?? [];
    expect(words).toEqual(words.map((_, number) => `word${number}`));
    for (const reader of readers) {
      await until(() => !reader.answering.value, "every reader to be at the end");
      expect(reader.messages.last?.text).toBe(answer?.content ?? "");
      expect(reader.messages.entries.value).toHaveLength(2);
    }
  }
  for (const tab of tabs) {
    tab.pongs = 0;
    tab.ping();
  }
  await until(() => tabs.every((tab) => tab.pongs > 0), "all tabs to hear another echo");
}, 120_000);

/** Somebody's tabs, some of them with the conversation open in which they will ask. */
async function openTabs(person: Person) {
  const [, , { url }] = servers;
  const counted = await person.newConversation(url, "0");
  const asked = await person.newConversation(url, "Asked");
  const tabs = Array.from({ length: tabsEach }, () => new Tab(edge.url, person.cookie));
  stops.push(() => {
    for (const tab of tabs) tab.close();
  });
  const readers = tabs.slice(0, readersEach).map((tab) => tab.state.threads.open(asked));
  return { person, counted, asked, tabs, readers, number: 0 };
}

function watchTitles({ tabs, counted }: { tabs: Tab[]; counted: string }): CountedTitles[] {
  const titles = tabs.map((tab) => new CountedTitles(tab, counted));
  stops.push(() => {
    for (const each of titles) each.stop();
  });
  return titles;
}

async function untilMoreIsWritten(groups: { number: number }[]): Promise<void> {
  const before = groups.map(({ number }) => number);
  const isMore = () => groups.every(({ number }, index) => number > (before[index] ?? 0) + 20);
  await until(isMore, "more to be written");
}

/**
 * Raises the title of a conversation by one again and again, and begins others in between. It goes
 * through the door, so that some of it is on its way to the server that dies: that is done again.
 */
async function count(
  group: { person: Person; counted: string; number: number },
  goesOn: () => boolean,
): Promise<void> {
  const { person, counted } = group;
  for (let round = 0; goesOn(); round++) {
    await person.rename(edge.url, counted, String(group.number + 1)).then(
      () => group.number++,
      () => {},
    );
    // Fewer than push it off the first page of the list.
    if (round % 10 === 0 && round < 300) {
      await person.newConversation(edge.url, "Another").catch(() => {});
    }
    await Bun.sleep(20);
  }
}
