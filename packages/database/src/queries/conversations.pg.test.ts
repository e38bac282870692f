import { expect, test } from "bun:test";
import { SQL } from "bun";
import { InvalidCursorError } from "../errors.ts";
import { newId } from "../ids.ts";
import { questionOf, useDatabase, wholeHistory } from "../testing/use-database.ts";

const fixture = useDatabase();

test("a new conversation has the defaults of the schema", async () => {
  const userId = await fixture.makeUser();
  const id = newId();
  const made = await fixture.database.conversations.create({ id, userId, title: "Plans" });
  expect(made).toEqual({
    id,
    title: "Plans",
    preview: "",
    model: null,
    cancelWhenAlone: false,
    cacheAnswers: false,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    updatedAt: made.createdAt,
  });
  expect(await fixture.database.conversations.get(userId, id)).toEqual(made);
});

test("pages give each conversation once, newest activity first, one statement a page", async () => {
  const userId = await fixture.makeUser();
  const other = await fixture.makeUser();
  await fixture.makeConversation(other);
  const ids: string[] = [];
  for (let i = 0; i < 25; i++) ids.push(await fixture.makeConversation(userId));
  // Many within one millisecond, so that the id has to decide.
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql`update conversations set updated_at = date_trunc('second', updated_at)
    where user_id = ${userId}`;
  await sql.close();

  const seen: string[] = [];
  let cursor: string | null = null;
  fixture.sent.length = 0;
  let pages = 0;
  do {
    const page = await fixture.database.conversations.list({ userId, limit: 10, cursor });
    seen.push(...page.conversations.map(({ id }) => id));
    cursor = page.nextCursor;
    pages++;
  } while (cursor !== null);
  expect([pages, fixture.sent.length]).toEqual([3, 3]);
  expect(new Set(seen)).toEqual(new Set(ids));
  expect(seen).toHaveLength(25);

  const exact = await fixture.database.conversations.list({ userId, limit: 25, cursor: null });
  expect(exact.conversations.map(({ id }) => id)).toEqual(seen);
  expect(exact.nextCursor).toBeNull();
});

test("a question moves its conversation to the front, a new title does not", async () => {
  const userId = await fixture.makeUser();
  const [first, second] = [
    await fixture.makeConversation(userId),
    await fixture.makeConversation(userId),
  ];
  const order = async () =>
    (await fixture.database.conversations.list({ userId, limit: 10, cursor: null })).conversations;
  await fixture.database.conversations.patch(userId, first, { title: "Renamed" });
  expect((await order()).map(({ id }) => id)).toEqual([second, first]);
  await fixture.database.answers.ask(questionOf(userId, first, "How are you?"));
  expect((await order()).map(({ id }) => id)).toEqual([first, second]);
  expect((await order())[0]).toMatchObject({ title: "Renamed", preview: "How are you?" });
});

test("a patch changes what it names", async () => {
  const { conversations } = fixture.database;
  const userId = await fixture.makeUser();
  const id = await fixture.makeConversation(userId);
  await conversations.patch(userId, id, { model: "big", cancelWhenAlone: true });
  expect(await conversations.patch(userId, id, { title: "T" })).toMatchObject({
    title: "T",
    model: "big",
    cancelWhenAlone: true,
    cacheAnswers: false,
  });
  expect(
    await conversations.patch(userId, id, { model: null, cancelWhenAlone: false }),
  ).toMatchObject({ title: "T", model: null, cancelWhenAlone: false });
});

test("a made title never replaces one that somebody gave", async () => {
  const { conversations } = fixture.database;
  const userId = await fixture.makeUser();
  const id = await fixture.makeConversation(userId);
  expect((await conversations.setTitleIfUntitled(userId, id, "Made"))?.title).toBe("Made");
  expect(await conversations.setTitleIfUntitled(userId, id, "Again")).toBeNull();
  expect((await conversations.get(userId, id))?.title).toBe("Made");
});

test("somebody else's conversation is not there", async () => {
  const { conversations, messages, answers } = fixture.database;
  const [owner, other] = [await fixture.makeUser(), await fixture.makeUser()];
  const id = await fixture.makeConversation(owner);
  expect(await conversations.get(other, id)).toBeNull();
  expect(await conversations.patch(other, id, { title: "Mine" })).toBeNull();
  expect(await conversations.setTitleIfUntitled(other, id, "Mine")).toBeNull();
  expect(await conversations.delete(other, id)).toBe(false);
  expect(
    await messages.list({ userId: other, conversationId: id, limit: 10, cursor: null }),
  ).toBeNull();
  expect(await answers.ask(questionOf(other, id))).toBe("not_found");
  expect((await conversations.get(owner, id))?.title).toBeNull();
});

test("deleting takes the messages along, superseded ones as well", async () => {
  const { conversations, answers } = fixture.database;
  const userId = await fixture.makeUser();
  const id = await fixture.makeConversation(userId);
  const question = questionOf(userId, id);
  await answers.ask(question);
  await fixture.database.servers.interruptAllRunning();
  await answers.regenerate({ ...question, newAnswerId: newId(), history: wholeHistory });
  const sql = new SQL({ url: fixture.url, max: 1 });
  const count = async () =>
    (await sql`select count(*)::int as n from messages where conversation_id = ${id}`)[0].n;
  expect(await count()).toBe(3);
  expect(await conversations.delete(userId, id)).toBe(true);
  expect(await conversations.delete(userId, id)).toBe(false);
  expect(await count()).toBe(0);
  await sql.close();
});

test("a cursor that no page gave out is refused", async () => {
  const userId = await fixture.makeUser();
  for (const cursor of ["", "x", newId(), "1_", "999999999999999999_x"]) {
    expect(
      fixture.database.conversations.list({ userId, limit: 10, cursor }),
    ).rejects.toBeInstanceOf(InvalidCursorError);
  }
  const beyond = `999999999999999_${newId()}`;
  const page = await fixture.database.conversations.list({ userId, limit: 10, cursor: beyond });
  expect(page.conversations).toEqual([]);
});
