import { expect, test } from "bun:test";
import { SQL } from "bun";
import { InvalidCursorError } from "../errors.ts";
import { newId } from "../ids.ts";
import { questionOf, useDatabase, wholeHistory } from "../testing/use-database.ts";

const fixture = useDatabase();

async function makeFile(userId: string, name: string): Promise<string> {
  const id = newId();
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql`insert into files (id, user_id, name, media_type, size_bytes, hash, object_key)
    values (${id}, ${userId}, ${name}, 'text/plain', 5, ${new Uint8Array(32)}, 'k')`;
  await sql.close();
  return id;
}

async function converse(userId: string, conversationId: string, content: string) {
  const question = questionOf(userId, conversationId, content);
  await fixture.database.answers.ask(question);
  await fixture.database.answers.finish({
    userId: question.userId,
    conversationId: question.conversationId,
    answerId: question.answerId,
    serverId: question.serverId,
    content: `On ${content}`,
    status: "complete",
    model: "actual-model",
    usage: { promptTokens: 3, completionTokens: 5 },
    error: null,
    preview: `On ${content}`,
  });
  return question;
}

test("a conversation without messages is empty, one that is not there is null", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const list = fixture.database.messages.list;
  expect(await list({ userId, conversationId, limit: 10, cursor: null })).toEqual({
    messages: [],
    nextCursor: null,
  });
  expect(await list({ userId, conversationId: newId(), limit: 10, cursor: null })).toBeNull();
});

test("a page has each message with its author and files, in one statement", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const fileIds = [await makeFile(userId, "b.txt"), await makeFile(userId, "a.txt")];
  const question = { ...questionOf(userId, conversationId), fileIds };
  const begun = await fixture.database.answers.ask(question);
  fixture.sent.length = 0;
  const page = await fixture.database.messages.list({
    userId,
    conversationId,
    limit: 10,
    cursor: null,
  });
  expect(fixture.sent.map(({ name }) => name)).toEqual(["messages.list"]);
  if (typeof begun === "string") throw new Error(begun);
  // What asking answered is what is read afterwards.
  expect(page?.messages).toEqual([begun.answer, begun.question]);
  expect(begun.question.author).toEqual({ id: userId, name: "Ada" });
  expect(begun.answer.author).toBeNull();
  expect(begun.question.files).toEqual([
    { id: fileIds[0]!, name: "b.txt", mediaType: "text/plain", sizeBytes: 5 },
    { id: fileIds[1]!, name: "a.txt", mediaType: "text/plain", sizeBytes: 5 },
  ]);
  expect(await fixture.database.messages.get(userId, question.questionId)).toEqual(begun.question);
});

test("pages give each message once, newest first", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const asked: string[] = [];
  for (let i = 0; i < 8; i++) {
    const { questionId, answerId } = await converse(userId, conversationId, `Q${i}`);
    asked.unshift(answerId, questionId);
  }
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { messages: { id: string }[]; nextCursor: string | null } | null =
      await fixture.database.messages.list({ userId, conversationId, limit: 5, cursor });
    seen.push(...(page?.messages ?? []).map(({ id }) => id));
    cursor = page?.nextCursor ?? null;
  } while (cursor !== null);
  expect(seen).toEqual(asked);
});

test("a superseded answer is in no list, and not found by its id", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const question = await converse(userId, conversationId, "Q");
  const newAnswerId = newId();
  await fixture.database.answers.regenerate({ ...question, newAnswerId, history: wholeHistory });
  const page = await fixture.database.messages.list({
    userId,
    conversationId,
    limit: 10,
    cursor: null,
  });
  expect(page?.messages.map(({ id }) => id)).toEqual([newAnswerId, question.questionId]);
  expect(await fixture.database.messages.get(userId, question.answerId)).toBeNull();
});

test("somebody else's message is not there", async () => {
  const [owner, other] = [await fixture.makeUser(), await fixture.makeUser()];
  const question = await converse(owner, await fixture.makeConversation(owner), "Q");
  expect(await fixture.database.messages.get(other, question.questionId)).toBeNull();
  expect((await fixture.database.messages.get(owner, question.answerId))?.usage).toEqual({
    promptTokens: 3,
    completionTokens: 5,
  });
});

test("a cursor that no page gave out is refused; one from elsewhere stays inside", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const { questionId } = await converse(userId, conversationId, "Q");
  const page = { userId, conversationId, limit: 10 };
  for (const cursor of ["", "x", `1_${newId()}`]) {
    expect(fixture.database.messages.list({ ...page, cursor })).rejects.toBeInstanceOf(
      InvalidCursorError,
    );
  }
  const all = await fixture.database.messages.list({ ...page, cursor: newId() });
  expect(all?.messages).toHaveLength(2);
  const none = await fixture.database.messages.list({ ...page, cursor: questionId });
  expect(none?.messages).toEqual([]);
});

test("from any message the conversation is walked both ways, each message once", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  for (let i = 0; i < 10; i++) await converse(userId, conversationId, `question ${i}`);
  const { messages } = fixture.database;
  const all = await messages.list({ userId, conversationId, limit: 100, cursor: null });
  const ids = all?.messages.map(({ id }) => id) ?? [];
  expect(ids).toHaveLength(20);
  for (const [place, id] of ids.entries()) {
    const limit = 1 + (place % 7);
    const page = { userId, conversationId, limit };
    const span = await messages.listAround({ ...page, id });
    const walked = span?.messages.map((message) => message.id) ?? [];
    expect(walked).toContain(id);
    let newer = span?.newerCursor ?? null;
    while (newer !== null) {
      const next = await messages.listNewer({ ...page, cursor: newer });
      walked.unshift(...(next?.messages ?? []).map((message) => message.id));
      newer = next?.newerCursor ?? null;
    }
    let older = span?.nextCursor ?? null;
    while (older !== null) {
      const next = await messages.list({ ...page, cursor: older });
      walked.push(...(next?.messages ?? []).map((message) => message.id));
      older = next?.nextCursor ?? null;
    }
    expect([place, walked]).toEqual([place, ids]);
  }
});

test("around a message that is not there are those it would be between, each with author and files", async () => {
  const userId = await fixture.makeUser();
  const conversationId = await fixture.makeConversation(userId);
  const fileIds = [await makeFile(userId, "a.txt")];
  await fixture.database.answers.ask({ ...questionOf(userId, conversationId), fileIds });
  const between = newId();
  fixture.sent.length = 0;
  const page = { userId, conversationId, limit: 10 };
  const span = await fixture.database.messages.listAround({ ...page, id: between });
  expect(fixture.sent.map(({ name }) => name)).toEqual(["messages.listAround"]);
  expect(span).toMatchObject({
    messages: [{ role: "assistant" }, { author: { name: "Ada" }, files: [{ name: "a.txt" }] }],
    nextCursor: null,
    newerCursor: null,
  });
  const { listAround, listNewer } = fixture.database.messages;
  const stranger = { ...page, userId: await fixture.makeUser() };
  expect(await listAround({ ...stranger, id: between })).toBeNull();
  expect(await listNewer({ ...stranger, cursor: between })).toBeNull();
  expect(listNewer({ ...page, cursor: "x" })).rejects.toBeInstanceOf(InvalidCursorError);
  const empty = await fixture.makeConversation(userId);
  expect(await listAround({ ...page, conversationId: empty, id: between })).toEqual({
    messages: [],
    nextCursor: null,
    newerCursor: null,
  });
});
