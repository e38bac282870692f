import { beforeEach, expect, test } from "bun:test";
import { SQL } from "bun";
import { newId } from "../ids.ts";
import { questionOf, useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase();

beforeEach(async () => {
  await fixture.database.servers.interruptAllRunning();
});

async function beginOn(serverId: string): Promise<string> {
  const userId = await fixture.makeUser();
  const question = questionOf(userId, await fixture.makeConversation(userId));
  await fixture.database.answers.ask({ ...question, serverId });
  return question.answerId;
}

async function age(serverId: string, interval: string): Promise<void> {
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql`update servers set last_seen_at = now() - ${interval}::interval where id = ${serverId}`;
  await sql.close();
}

const interrupted = async () =>
  (await fixture.database.servers.interruptOrphans(30)).map(({ messageId }) => messageId);

test("answers of a server without a heartbeat are interrupted, those of a living one go on", async () => {
  const { servers } = fixture.database;
  const [alive, dead] = [newId(), newId()];
  await servers.heartbeat(alive);
  await servers.heartbeat(dead);
  const [, orphan] = [await beginOn(alive), await beginOn(dead)];
  expect(await interrupted()).toEqual([]);
  await age(dead, "31 seconds");
  expect(await interrupted()).toEqual([orphan]);
  expect(await interrupted()).toEqual([]);
});

test("a heartbeat in time keeps the lease", async () => {
  const { servers } = fixture.database;
  const server = newId();
  await servers.heartbeat(server);
  await beginOn(server);
  await age(server, "31 seconds");
  await servers.heartbeat(server);
  expect(await interrupted()).toEqual([]);
});

test("what a server leaves running when it signs off is interrupted by the next that looks", async () => {
  const { servers } = fixture.database;
  const server = newId();
  await servers.heartbeat(server);
  const answer = await beginOn(server);
  await servers.remove(server);
  expect(await interrupted()).toEqual([answer]);
});

test("several that look at once share the orphans, each told once", async () => {
  const userId = await fixture.makeUser();
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql`with made as (
      insert into conversations (id, user_id)
      select gen_random_uuid(), ${userId} from generate_series(1, 2000) returning id
    )
    insert into messages (id, conversation_id, user_id, role, content, status)
    select gen_random_uuid(), id, ${userId}, 'assistant', '', 'running' from made`;
  await sql.close();
  const found = (await Promise.all(Array.from({ length: 8 }, interrupted))).flat();
  expect(found).toHaveLength(2000);
  expect(new Set(found).size).toBe(2000);
});

test("a server long gone is forgotten", async () => {
  const { servers } = fixture.database;
  const old = newId();
  await servers.heartbeat(old);
  await age(old, "2 days");
  await servers.heartbeat(newId());
  const sql = new SQL({ url: fixture.url, max: 1 });
  const rows = await sql`select id from servers where id = ${old}`;
  await sql.close();
  expect(rows).toHaveLength(0);
});
