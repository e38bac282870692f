import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  createTestDatabase,
  type Standby,
  startDebianPostgres,
  startStandby,
  type TestDatabase,
  type TestPostgres,
} from "@peregrine/database/testing";
import { type RedisServer, startRedisServer } from "@peregrine/e2e/redis-server";
import type { SearchBody } from "@peregrine/protocol";
import { SQL } from "bun";
import { startTestServer, type TestServer, TestUser, until } from "../testing/test-server.ts";

let primary: TestPostgres;
let database: TestDatabase;
let standby: Standby;
let standbySql: SQL;
let redis: RedisServer;
let first: TestServer;
let second: TestServer;
let ada: TestUser;

beforeAll(async () => {
  [primary, redis] = await Promise.all([startDebianPostgres(), startRedisServer()]);
  database = await createTestDatabase(primary);
  standby = await startStandby(primary);
  const replica = standby.url.replace(/[^/]*$/, database.url.split("/").at(-1) ?? "");
  standbySql = new SQL({ url: replica, max: 1 });
  const environment = {
    DATABASE_URL: database.url,
    DATABASE_REPLICA_URLS: replica,
    REDIS_URL: redis.url,
  };
  first = await startTestServer(environment);
  second = await startTestServer(environment);
  ada = await TestUser.register(first);
}, 60_000);

afterAll(async () => {
  await second.stop();
  await first.stop();
  await standbySql.close();
  await standby.stop();
  await database.drop();
  await primary.stop();
  await redis.stop();
});

/** Which Postgres answered a search, and with which titles; nobody where the cache did. */
async function search(server: TestServer, text: string) {
  server.queries.length = 0;
  const { results } = await ada.at(server).json<SearchBody>(`/api/v1/search?q=${text}`);
  const sent = server.queries.filter(({ name }) => name.startsWith("search."));
  return {
    titles: results.map(({ conversation }) => conversation?.title),
    targets: [...new Set(sent.map(({ target }) => target))],
  };
}

let searches = 0;

/** Each time for something else, so that the cache cannot answer. */
function untilFromReplica(server: TestServer): Promise<void> {
  return until(async () => {
    const { targets } = await search(server, `nothing${searches++}+`);
    return targets.join() === "replica";
  }, "the replica to answer");
}

test("a replica answers searches, and the cache the same search again", async () => {
  await ada.newConversation({ title: "Falcons" });
  await untilFromReplica(first);
  await untilFromReplica(second);
  expect(await search(second, "falcons")).toEqual({ titles: ["Falcons"], targets: ["replica"] });
  expect(await search(second, "falcons")).toEqual({ titles: ["Falcons"], targets: [] });
});

test("while the replica stands still, either server finds what the other has acknowledged", async () => {
  await standbySql`select pg_wal_replay_pause()`;
  try {
    for (let i = 0; i < 20; i++) {
      const [writer, reader] = i % 2 ? [first, second] : [second, first];
      const word = `sparrow${i}x`;
      expect((await search(reader, word)).titles).toEqual([]);
      const { id } = await ada.at(writer).newConversation({ title: word });
      expect(await search(reader, word)).toEqual({ titles: [word], targets: ["primary"] });
      await ada.at(writer).fetch(`/api/v1/conversations/${id}`, { method: "DELETE" });
      expect(await search(reader, word)).toEqual({ titles: [], targets: ["primary"] });
    }
  } finally {
    await standbySql`select pg_wal_replay_resume()`;
  }
  await untilFromReplica(first);
  await untilFromReplica(second);
});
