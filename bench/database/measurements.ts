import { type Database, newId } from "@peregrine/database";
import type { SQL } from "bun";
import { type Dataset, everywhere, tenTimes } from "./dataset.ts";
import { Random } from "./random.ts";

/** One thing that people wait for, as the application does it and as it is often done. */
export type Measurement = {
  name: string;
  /** Asks with other values each time. */
  run: () => Promise<unknown>;
  naive?: { name: string; run: () => Promise<unknown> };
  /** A ratio of the budget that this is held against. */
  budget?: { flat?: number; timesNaive?: number };
};

const pageSize = 50;
const deepPage = 1_000;
const listPage = 10;

/** What is measured at each size. Cursors are found by walking there once. */
export async function makeMeasurements(
  database: Database,
  sql: SQL,
  data: Dataset,
): Promise<Measurement[]> {
  const random = new Random(11);
  const { bigUser, longConversation } = data;
  const someone = () => {
    for (;;) {
      const person = random.pick(data.people);
      if (person.conversations.length > 0) return person;
    }
  };
  const someConversation = () => {
    const person = someone();
    return { userId: person.id, conversationId: random.pick(person.conversations) };
  };
  await sql`create table if not exists bare_commits (at timestamptz)`;
  const deepCursor = await messageCursorAt(database, bigUser.id, longConversation);
  const listCursor = await conversationCursorAt(database, bigUser.id);
  return [
    {
      name: "list of conversations",
      run: () => database.conversations.list({ userId: bigUser.id, limit: pageSize, cursor: null }),
      naive: {
        name: "with a query for each row's last message",
        run: async () => {
          const rows = await sql`select * from conversations where user_id = ${bigUser.id}
            order by updated_at desc limit ${pageSize}`;
          for (const { id } of rows) {
            await sql`select * from messages where conversation_id = ${id}
              order by created_at desc limit 1`;
          }
        },
      },
      budget: { flat: 2 },
    },
    {
      name: `list of conversations, page ${listPage}`,
      run: () =>
        database.conversations.list({ userId: bigUser.id, limit: pageSize, cursor: listCursor }),
      naive: {
        name: "OFFSET",
        run: () => sql`select * from conversations where user_id = ${bigUser.id}
          order by updated_at desc limit ${pageSize} offset ${(listPage - 1) * pageSize}`,
      },
      budget: { flat: 2 },
    },
    {
      name: "newest page of a conversation",
      run: () => database.messages.list({ ...someConversation(), limit: pageSize, cursor: null }),
      naive: {
        name: "with a query for each row's author and files",
        run: async () => {
          const rows = await sql`select * from messages
            where conversation_id = ${someConversation().conversationId}
            order by id desc limit ${pageSize}`;
          for (const { id, user_id } of rows) {
            await sql`select * from users where id = ${user_id}`;
            await sql`select * from message_files join files on files.id = file_id
              where message_id = ${id}`;
          }
        },
      },
      budget: { flat: 2 },
    },
    {
      name: `page ${deepPage} of a conversation`,
      run: () =>
        database.messages.list({
          userId: bigUser.id,
          conversationId: longConversation,
          limit: pageSize,
          cursor: deepCursor,
        }),
      naive: {
        name: "OFFSET",
        run: () => sql`select * from messages where conversation_id = ${longConversation}
          order by created_at desc limit ${pageSize} offset ${(deepPage - 1) * pageSize}`,
      },
      budget: { flat: 2 },
    },
    {
      name: "one conversation",
      run: () => {
        const { userId, conversationId } = someConversation();
        return database.conversations.get(userId, conversationId);
      },
    },
    {
      name: "sign-in by email",
      run: () => database.users.findByEmail(someone().email.toUpperCase()),
      naive: {
        name: "ILIKE",
        run: () => sql`select * from users where email ilike ${someone().email}`,
      },
    },
    {
      // What the disk takes to make two writes last, at this very moment: it differs fivefold.
      name: "two commits of one row each",
      run: async () => {
        for (let i = 0; i < 2; i++) {
          await sql`insert into bare_commits (at) values (now())`;
        }
      },
    },
    {
      name: "asking and saving the answer",
      run: async () => {
        const { userId, conversationId } = someConversation();
        await askAndAnswer(database, userId, conversationId);
      },
      budget: { flat: 2 },
    },
    ...searches(database, sql, data, random),
  ];
}

/** One page of 20. With a space behind it a word is finished; without, as it is typed. */
function searches(database: Database, sql: SQL, data: Dataset, random: Random): Measurement[] {
  const { texts, bigUser, smallUser } = data;
  const all = { conversationId: null, from: null, to: null, limit: 20, cursor: null };
  const find = (userId: string, text: string) => database.search.find({ userId, text, ...all });
  const beside = (word: () => string) => ({
    name: "ILIKE",
    run: () => sql`select id from messages
      where user_id = ${bigUser.id} and content ilike ${`%${word()}%`}
      order by created_at desc limit 20`,
  });
  const rare = () => texts.rareWord(random);
  return [
    {
      name: "search: a word in every message",
      run: () => find(bigUser.id, `${everywhere} `),
      naive: beside(() => everywhere),
      budget: { flat: 2, timesNaive: 100 },
    },
    {
      name: "search: a word that is there ten times",
      run: () => find(bigUser.id, `${tenTimes} `),
      naive: beside(() => tenTimes),
      budget: { flat: 2, timesNaive: 100 },
    },
    {
      // Its matches grow with the data, from 14 to 400: up to the hundred that are ranked.
      name: "search: a word in one of 5,000",
      run: () => find(bigUser.id, `${rare()} `),
      naive: beside(rare),
      budget: { timesNaive: 100 },
    },
    {
      name: "search: a word as it is typed",
      run: () => find(bigUser.id, texts.commonWord),
      budget: { flat: 2 },
    },
    {
      name: "search: among ten messages",
      run: () => find(smallUser.id, `${everywhere} `),
      budget: { flat: 2 },
    },
  ];
}

async function askAndAnswer(database: Database, userId: string, conversationId: string) {
  const [questionId, answerId, serverId] = [newId(), newId(), newId()];
  const content = "What is faster than a peregrine falcon in its stoop?";
  const history = { messages: 50, bytes: 64_000 };
  await database.answers.prompt({ userId, conversationId, questionId, answerId, history });
  await database.answers.ask({
    userId,
    conversationId,
    questionId,
    answerId,
    content,
    fileIds: [],
    model: "model",
    serverId,
    preview: content,
  });
  await database.answers.finish({
    userId,
    conversationId,
    answerId,
    serverId,
    content: `${content} Nothing that flies by itself.`,
    status: "complete",
    model: null,
    usage: null,
    error: null,
    preview: null,
  });
}

async function messageCursorAt(database: Database, userId: string, conversationId: string) {
  let cursor: string | null = null;
  for (let page = 1; page < deepPage; page += 2) {
    const answer = await database.messages.list({ userId, conversationId, limit: 100, cursor });
    cursor = answer?.nextCursor ?? null;
    if (cursor === null) throw new Error(`the conversation has no page ${deepPage}`);
  }
  return cursor;
}

async function conversationCursorAt(database: Database, userId: string) {
  let cursor: string | null = null;
  for (let page = 1; page < listPage; page++) {
    const answer = await database.conversations.list({ userId, limit: pageSize, cursor });
    cursor = answer.nextCursor;
    if (cursor === null) throw new Error(`the list has no page ${listPage}`);
  }
  return cursor;
}
