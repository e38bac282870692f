import { afterAll, beforeAll } from "bun:test";
import { type Database, openDatabase } from "../database.ts";
import { newId } from "../ids.ts";
import type { PoolOptions, QueryInfo } from "../pool.ts";
import type { Question } from "../queries/ask-question.ts";
import type { HistoryLimit } from "../queries/prompt.ts";
import { createTestDatabase, type TestDatabase } from "./index.ts";

export type Fixture = {
  database: Database;
  url: string;
  /** What was sent since the test emptied it. */
  sent: QueryInfo[];
  /** Makes an account and gives its id. */
  makeUser(): Promise<string>;
  makeConversation(userId: string): Promise<string>;
};

/** Gives the tests of one file a database of their own, for as long as they run. */
export function useDatabase(options: Omit<PoolOptions, "url" | "on"> = {}): Fixture {
  let test: TestDatabase;
  const fixture = {
    sent: [] as QueryInfo[],
    async makeUser() {
      const id = newId();
      await fixture.database.users.create({
        id,
        email: `${id}@example.org`,
        name: "Ada",
        passwordHash: "hash",
        signupOpen: true,
      });
      return id;
    },
    async makeConversation(userId: string) {
      const id = newId();
      await fixture.database.conversations.create({ id, userId, title: null });
      return id;
    },
  } as Fixture;
  beforeAll(async () => {
    test = await createTestDatabase();
    fixture.url = test.url;
    const on = { query: (info: QueryInfo) => void fixture.sent.push(info) };
    fixture.database = openDatabase({ url: test.url, ...options, on });
  });
  afterAll(async () => {
    await fixture.database.close();
    await test.drop();
  });
  return fixture;
}

/** Of what was said before a question, more than any test has. */
export const wholeHistory: HistoryLimit = { messages: 100, bytes: 1_000_000 };

export function questionOf(userId: string, conversationId: string, content = "Why?"): Question {
  return {
    userId,
    conversationId,
    questionId: newId(),
    answerId: newId(),
    content,
    fileIds: [],
    model: "default-model",
    serverId: newId(),
    preview: content.slice(0, 100),
  };
}
