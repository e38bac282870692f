import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
import { type Database, openDatabase } from "../database.ts";
import { newId } from "../ids.ts";
import { migrateDatabase } from "../migrate.ts";
import { startDebianPostgres } from "../testing/debian-postgres.ts";
import type { TestPostgres } from "../testing/index.ts";
import { type Standby, startStandby } from "../testing/standby.ts";

let primary: TestPostgres;
let standby: Standby;
let database: Database;
let standbySql: SQL;
let userId: string;
const sent: { name: string; target: string | undefined }[] = [];

beforeAll(async () => {
  primary = await startDebianPostgres();
  await migrateDatabase(primary.url);
  standby = await startStandby(primary);
  standbySql = new SQL({ url: standby.url, max: 1 });
  database = openDatabase({
    url: primary.url,
    replicaUrls: [standby.url],
    on: { query: ({ name, target }) => void sent.push({ name, target }) },
  });
  userId = newId();
  await database.users.create({
    id: userId,
    email: "a@example.org",
    name: "A",
    passwordHash: "x",
    signupOpen: true,
  });
}, 60_000);

afterAll(async () => {
  await database.close();
  await standbySql.close();
  await standby.stop();
  await primary.stop();
});

async function titled(title: string): Promise<void> {
  await database.conversations.create({ id: newId(), userId, title });
}

async function find(
  text: string,
): Promise<{ titles: (string | null | undefined)[]; targets: Set<string | undefined> }> {
  sent.length = 0;
  const all = { conversationId: null, from: null, to: null, limit: 20, cursor: null };
  const { results } = await database.search.find({ userId, text, ...all });
  const targets = new Set(
    sent.filter(({ name }) => name.startsWith("search.")).map(({ target }) => target),
  );
  return { titles: results.map((result) => result.conversation?.title), targets };
}

async function untilFrom(target: string, text: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await find(text)).targets.has(target)) {
    if (Date.now() > deadline) throw new Error(`nothing came from the ${target} within 15 s`);
    await Bun.sleep(20);
  }
}

test("searches go to the replica once it has what the user wrote", async () => {
  await titled("Falcons");
  const first = await find("falcons");
  expect(first.titles).toEqual(["Falcons"]);
  await untilFrom("replica", "falcons");
  expect((await find("falcons")).titles).toEqual(["Falcons"]);
});

test("who writes reads what they wrote, a hundred times, whatever the replica has", async () => {
  for (let i = 0; i < 100; i++) {
    await titled(`Sparrow number${i}`);
    expect((await find(`number${i} `)).titles).toEqual([`Sparrow number${i}`]);
  }
});

test("from a replica that stands still nothing older is read than what the user wrote", async () => {
  await untilFrom("replica", "falcons");
  await standbySql`select pg_wal_replay_pause()`;
  try {
    await titled("Owls");
    for (let i = 0; i < 20; i++) {
      expect((await find("owls")).titles).toEqual(["Owls"]);
      await Bun.sleep(20);
    }
    expect((await find("owls")).targets).toEqual(new Set(["primary"]));
    // Others may still read there, until it is too far behind for anybody.
    const other = newId();
    const all = { conversationId: null, from: null, to: null, limit: 20, cursor: null };
    sent.length = 0;
    await database.search.find({ userId: other, text: "owls", ...all });
    expect(sent.filter(({ name }) => name.startsWith("search."))[0]?.target).toBe("replica");
    const deadline = Date.now() + 10_000;
    while ((database.replicas[0]?.lagMs ?? 0) < 500) {
      if (Date.now() > deadline) throw new Error("the replica was not seen to be behind");
      await Bun.sleep(20);
    }
  } finally {
    await standbySql`select pg_wal_replay_resume()`;
  }
  await untilFrom("replica", "owls");
  expect((await find("owls")).titles).toEqual(["Owls"]);
  expect(database.replicas[0]).toMatchObject({ isReachable: true });
  expect(database.replicas[0]?.lagMs).toBeLessThan(5_000);
});

test("a replica that dies costs no search", async () => {
  await untilFrom("replica", "falcons");
  const searches = Array.from({ length: 50 }, () => find("falcons"));
  await standby.kill();
  for (const { titles } of await Promise.all(searches)) expect(titles).toEqual(["Falcons"]);
  expect((await find("falcons")).titles).toEqual(["Falcons"]);
  await untilFrom("primary", "falcons");
  expect(database.replicas).toMatchObject([
    { name: new URL(standby.url).host, isReachable: false, lagMs: expect.any(Number) },
  ]);
  standby = await startStandby(primary);
});
