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

/** As somebody who knows of every write so far. */
async function find(text: string) {
  return findFrom(await database.search.logPosition?.(), text);
}

async function findFrom(position: string | undefined, text: string) {
  sent.length = 0;
  const all = { conversationId: null, from: null, to: null, limit: 20, cursor: null };
  const { results } = await database.search.find({ userId, text, ...all }, position);
  const targets = new Set(
    sent.filter(({ name }) => name.startsWith("search.")).map(({ target }) => target),
  );
  return { position, titles: results.map((result) => result.conversation?.title), targets };
}

const untilFrom = (target: string, text: string) => untilSent(target, () => find(text));

/** @returns the position of the search that `target` answered */
async function untilSent(target: string, search: () => ReturnType<typeof find>) {
  let found = await search();
  await until(`nothing came from the ${target}`, async () => {
    if (!found.targets.has(target)) found = await search();
    return found.targets.has(target);
  });
  return found.position;
}

async function until(whatElse: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`${whatElse} within 30 s`);
    await Bun.sleep(20);
  }
}

test("searches go to the replica once it has what was written before the position", async () => {
  await titled("Falcons");
  const first = await find("falcons");
  expect(first.titles).toEqual(["Falcons"]);
  await untilFrom("replica", "falcons");
  expect((await find("falcons")).titles).toEqual(["Falcons"]);
});

test("what was written is read from the position after it on, a hundred times", async () => {
  for (let i = 0; i < 100; i++) {
    await titled(`Sparrow number${i}`);
    expect((await find(`number${i} `)).titles).toEqual([`Sparrow number${i}`]);
  }
});

test("a replica that stands still answers for positions that it has come to, and no others", async () => {
  const before = await untilFrom("replica", "falcons");
  await standbySql`select pg_wal_replay_pause()`;
  try {
    await titled("Owls");
    expect((await findFrom(before, "owls")).targets).toEqual(new Set(["replica"]));
    for (let i = 0; i < 20; i++) {
      const { titles, targets } = await find("owls");
      expect(titles).toEqual(["Owls"]);
      expect(targets).toEqual(new Set(["primary"]));
    }
    // After five seconds it is too far behind for anybody.
    await untilSent("primary", () => findFrom(before, "owls"));
    await until(
      "the replica was not seen to be behind",
      () => (database.replicas[0]?.lagMs ?? 0) >= 500,
    );
  } finally {
    await standbySql`select pg_wal_replay_resume()`;
  }
  await untilFrom("replica", "owls");
  expect((await find("owls")).titles).toEqual(["Owls"]);
  expect(database.replicas[0]).toMatchObject({ isReachable: true });
  expect(database.replicas[0]?.lagMs).toBeLessThan(5_000);
}, 60_000);

test("without a position the primary answers", async () => {
  await untilFrom("replica", "falcons");
  expect((await findFrom(undefined, "falcons")).targets).toEqual(new Set(["primary"]));
});

test("a replica that dies costs no search", async () => {
  await untilFrom("replica", "falcons");
  const searches = Array.from({ length: 50 }, () => find("falcons"));
  await standby.kill();
  for (const { titles } of await Promise.all(searches)) expect(titles).toEqual(["Falcons"]);
  expect((await find("falcons")).titles).toEqual(["Falcons"]);
  await until("the replica was not seen to be away", () => !database.replicas[0]?.isReachable);
  expect(database.replicas).toMatchObject([
    { name: new URL(standby.url).host, isReachable: false, lagMs: expect.any(Number) },
  ]);
  standby = await startStandby(primary);
});
