import { expect, test } from "bun:test";
import { SQL } from "bun";
import { newId } from "../ids.ts";
import { questionOf, useDatabase, wholeHistory } from "../testing/use-database.ts";
import type { Question } from "./ask-question.ts";
import type { Begun } from "./begun.ts";
import type { FinishedAnswer } from "./finish-answer.ts";
import type { HistoryLimit, HistoryMessage } from "./prompt.ts";

const fixture = useDatabase();

async function newQuestion(content?: string): Promise<Question> {
  const userId = await fixture.makeUser();
  return questionOf(userId, await fixture.makeConversation(userId), content);
}

const next = (question: Question, content = "And then?"): Question => ({
  ...questionOf(question.userId, question.conversationId, content),
  serverId: question.serverId,
});

function end(question: Question, change: Partial<FinishedAnswer> = {}): FinishedAnswer {
  return {
    userId: question.userId,
    conversationId: question.conversationId,
    answerId: question.answerId,
    serverId: question.serverId,
    content: "Because.",
    status: "complete",
    model: null,
    usage: null,
    error: null,
    preview: "Because.",
    ...change,
  };
}

async function begin(question: Question): Promise<Begun> {
  const begun = await fixture.database.answers.ask(question);
  if (typeof begun === "string") throw new Error(begun);
  return begun;
}

async function messagesOf(question: Question) {
  const page = await fixture.database.messages.list({ ...question, limit: 100, cursor: null });
  return page?.messages ?? [];
}

/** What a model is sent before the question. */
async function historyOf(question: Question, history: HistoryLimit = wholeHistory) {
  return (await fixture.database.answers.prompt({ ...question, history }))?.history;
}

test("asking is one statement", async () => {
  const question = await newQuestion();
  fixture.sent.length = 0;
  const begun = await begin(question);
  expect(fixture.sent.map(({ name }) => name)).toEqual(["answers.ask"]);
  expect(begun.answer).toMatchObject({ status: "running", model: "default-model", content: "" });
  expect(begun.conversation).toMatchObject({ preview: "Why?", cancelWhenAlone: false });
  expect(begun.conversation.updatedAt).toBe(begun.answer.createdAt);
});

test("the conversation's model comes before the default", async () => {
  const question = await newQuestion();
  await fixture.database.conversations.patch(question.userId, question.conversationId, {
    model: "chosen",
  });
  expect((await begin(question)).answer.model).toBe("chosen");
});

test("of many who ask at once in one conversation, one wins and the rest leave no trace", async () => {
  const first = await newQuestion();
  const questions = Array.from({ length: 10 }, () => next(first));
  const results = await Promise.all(questions.map((q) => fixture.database.answers.ask(q)));
  expect(results.filter((result) => result === "answer_running")).toHaveLength(9);
  expect(await messagesOf(first)).toHaveLength(2);
  // Without a race it is seen before anything is tried.
  fixture.sent.length = 0;
  expect(await fixture.database.answers.ask(next(first))).toBe("answer_running");
  expect(fixture.sent.map(({ error }) => error)).toEqual([undefined]);
});

test("a question with a file that is not the user's changes nothing", async () => {
  const question = await newQuestion();
  const stranger = await fixture.makeUser();
  const fileId = newId();
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql`insert into files (id, user_id, name, media_type, size_bytes, hash, object_key)
    values (${fileId}, ${stranger}, 'x', 'text/plain', 1, ${new Uint8Array(32)}, 'k')`;
  await sql.close();
  const before = await fixture.database.conversations.get(question.userId, question.conversationId);
  for (const fileIds of [[fileId], [newId()]]) {
    expect(await fixture.database.answers.ask({ ...question, fileIds })).toBe("file_not_found");
  }
  expect(await messagesOf(question)).toEqual([]);
  expect(
    await fixture.database.conversations.get(question.userId, question.conversationId),
  ).toEqual(before);
});

test("the history is what was said before, oldest first, without what is empty or superseded", async () => {
  const first = await newQuestion("One");
  await begin(first);
  await fixture.database.answers.finish(end(first, { content: "Old" }));
  const again = { ...first, answerId: newId() };
  const begun = await fixture.database.answers.regenerate({
    ...first,
    newAnswerId: again.answerId,
    history: wholeHistory,
  });
  expect(begun).toMatchObject({ history: [], question: { content: "One" } });
  await fixture.database.answers.finish(end(again, { content: "New" }));
  const second = next(first, "Two");
  await begin(second);
  await fixture.database.answers.finish(end(second, { content: "", status: "stopped" }));
  const before: HistoryMessage[] = [
    { role: "user", content: "One" },
    { role: "assistant", content: "New" },
    { role: "user", content: "Two" },
  ];
  const third = next(first, "Three");
  expect(await historyOf(third)).toEqual(before);
  await begin(third);
  expect(await historyOf(third)).toEqual(before);
});

test("what a model needs is told to nobody else, and not while another answer is running", async () => {
  const first = await newQuestion("One");
  expect(await historyOf(first)).toEqual([]);
  expect(await historyOf({ ...first, userId: await fixture.makeUser() })).toBeUndefined();
  expect(await historyOf({ ...first, conversationId: newId() })).toBeUndefined();
  await begin(first);
  const second = next(first, "Two");
  expect(await historyOf(second)).toBeUndefined();
  await fixture.database.answers.finish(end(first));
  expect(await historyOf(second)).toHaveLength(2);
});

test("the history is cut to the newest that fit, by number and by bytes", async () => {
  let question = await newQuestion("q0");
  for (let i = 0; i < 5; i++) {
    await begin(question);
    await fixture.database.answers.finish(end(question, { content: `a${i} ${"é".repeat(50)}` }));
    question = next(question, `q${i + 1}`);
  }
  const historyWith = async (limit: HistoryLimit) =>
    (await historyOf(question, limit))?.map(({ content }) => content.slice(0, 2));
  expect(await historyWith({ messages: 3, bytes: 100_000 })).toEqual(["a3", "q4", "a4"]);
  // An answer is 103 bytes and 53 characters: bytes are what counts.
  expect(await historyWith({ messages: 100, bytes: 208 })).toEqual(["a3", "q4", "a4"]);
  expect(await historyWith({ messages: 100, bytes: 207 })).toEqual(["q4", "a4"]);
  expect(await historyWith({ messages: 100, bytes: 1 })).toEqual(["a4"]);
});

test("finishing is one statement that saves the text and tells the conversation", async () => {
  const question = await newQuestion();
  const begun = await begin(question);
  fixture.sent.length = 0;
  const usage = { promptTokens: 10, completionTokens: 20 };
  const done = await fixture.database.answers.finish(end(question, { model: "real", usage }));
  expect(fixture.sent).toHaveLength(1);
  expect(done?.conversation.preview).toBe("Because.");
  expect(done?.answer).toMatchObject({ content: "Because.", model: "real", usage });
  expect(done?.answer.createdAt).toBe(begun.answer.createdAt);
  expect((await messagesOf(question))[0]).toEqual(done!.answer);
  expect(await fixture.database.answers.finish(end(question))).toBeNull();
});

test("an answer that failed keeps its text and says what is known", async () => {
  const question = await newQuestion();
  await begin(question);
  const error = { code: "model_timeout", message: "The model sent nothing for 30 s." };
  await fixture.database.answers.finish(
    end(question, { content: "Half", status: "interrupted", error, preview: null }),
  );
  expect((await messagesOf(question))[0]).toMatchObject({ content: "Half", error });
  const conversation = await fixture.database.conversations.get(
    question.userId,
    question.conversationId,
  );
  expect(conversation?.preview).toBe("Why?");
});

test("whatever a model says and counts is saved", async () => {
  const question = await newQuestion();
  await begin(question);
  const done = await fixture.database.answers.finish(
    end(question, {
      content: "nul \0, half \ud83d, whole \u{1F680}",
      usage: { promptTokens: 1e12, completionTokens: 1.5 },
    }),
  );
  expect(done?.answer.content).toBe("nul \ufffd, half \ufffd, whole \u{1F680}");
  expect(done?.answer.usage).toEqual({ promptTokens: 2 ** 31 - 1, completionTokens: 1 });
  expect((await messagesOf(question))[0]).toEqual(done!.answer);
});

test("only the server that writes an answer finishes it", async () => {
  const question = await newQuestion();
  await begin(question);
  expect(await fixture.database.answers.finish(end(question, { serverId: newId() }))).toBeNull();
  expect((await messagesOf(question))[0]?.status).toBe("running");
});

test("an answer of a conversation that was deleted meanwhile is gone", async () => {
  const question = await newQuestion();
  await begin(question);
  await fixture.database.conversations.delete(question.userId, question.conversationId);
  expect(await fixture.database.answers.finish(end(question))).toBeNull();
});

test("an answer that was taken for orphaned is still saved, but not over its successor", async () => {
  const question = await newQuestion();
  await begin(question);
  await fixture.database.servers.interruptAllRunning();
  expect((await messagesOf(question))[0]?.error?.code).toBe("interrupted");
  const late = await fixture.database.answers.finish(end(question));
  expect(late?.answer).toMatchObject({ status: "complete", error: null });

  const second = next(question);
  await begin(second);
  await fixture.database.servers.interruptAllRunning();
  const newAnswerId = newId();
  await fixture.database.answers.regenerate({ ...second, newAnswerId, history: wholeHistory });
  expect(await fixture.database.answers.finish(end(second))).toBeNull();
  expect((await messagesOf(question))[0]).toMatchObject({ id: newAnswerId, status: "running" });
});

test("a late answer does not take the preview from a newer question", async () => {
  const question = await newQuestion();
  await begin(question);
  await fixture.database.servers.interruptAllRunning();
  await begin(next(question, "Newer"));
  const late = await fixture.database.answers.finish(end(question));
  expect(late?.conversation.preview).toBe("Newer");
});

test("regenerating refuses what is not there, not the user's, running, or not the last", async () => {
  const { answers, servers } = fixture.database;
  const question = await newQuestion();
  const again = (change: Partial<Question> = {}) =>
    answers.regenerate({ ...question, newAnswerId: newId(), history: wholeHistory, ...change });
  await begin(question);
  expect(await again()).toBe("answer_running");
  await servers.interruptAllRunning();
  expect(await again({ userId: await fixture.makeUser() })).toBe("not_found");
  expect(await again({ answerId: newId() })).toBe("not_found");
  expect(await again({ answerId: question.questionId })).toBe("not_found");
  const second = next(question);
  await begin(second);
  expect(await again()).toBe("not_last_answer");
  await answers.finish(end(second));
  expect(await again()).toBe("not_last_answer");
  expect(await again({ answerId: second.answerId })).toMatchObject({
    question: { id: second.questionId, content: second.content },
    history: [{ role: "user", content: "Why?" }],
  });
});

test("of many who regenerate at once, one wins", async () => {
  const question = await newQuestion();
  await begin(question);
  await fixture.database.answers.finish(end(question));
  fixture.sent.length = 0;
  const results = await Promise.all(
    Array.from({ length: 10 }, () =>
      fixture.database.answers.regenerate({
        ...question,
        newAnswerId: newId(),
        history: wholeHistory,
      }),
    ),
  );
  const winners = results.filter((result) => typeof result !== "string");
  expect(winners).toHaveLength(1);
  expect(await messagesOf(question)).toHaveLength(2);
});

test("asking, finishing, regenerating and deleting at once neither deadlock nor leave halves", async () => {
  for (let round = 0; round < 20; round++) {
    const question = await newQuestion();
    const { answers, conversations, servers } = fixture.database;
    await begin(question);
    fixture.sent.length = 0;
    await Promise.all([
      answers.finish(end(question)),
      answers.ask(next(question)),
      answers.regenerate({ ...question, newAnswerId: newId(), history: wholeHistory }),
      servers.interruptOrphans(60),
      conversations.delete(question.userId, question.conversationId),
    ]);
    const states = fixture.sent.map((info) => (info.error?.cause as { errno?: string })?.errno);
    expect(states).not.toContain("40P01");
    expect(await messagesOf(question)).toEqual([]);
  }
});
