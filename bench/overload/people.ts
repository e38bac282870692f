import type { ConversationListBody, MessageListBody } from "@peregrine/protocol";
import { readAnswer } from "../streaming/read-answer.ts";
import { type Account, newConversations, register } from "../support/account.ts";

/** Those whose requests the load is made of, and what they have on the server. */
export type People = {
  host: string;
  /** Make new conversations, and do nothing else. */
  writers: Account[];
  /** Ask in conversations that are short as yet. */
  askers: { account: Account; conversations: string[] }[];
  /** Read what they wrote long ago. */
  readers: {
    account: Account;
    conversationsCursor: string;
    conversations: { id: string; messagesCursor: string }[];
  }[];
};

const each = 4;
const conversationsOfAsker = 1000;
const conversationsOfReader = 120;
const longConversations = 8;
export const questionsInEach = 30;
const pageSize = 20;

/** Registers people and lets them write, some 4,000 conversations and 2,000 messages in all. */
export async function newPeople(url: string): Promise<People> {
  const accounts = await Promise.all(
    Array.from({ length: 3 * each }, (_, i) => register(url, `load${i}@example.org`)),
  );
  const askers = [];
  for (const account of accounts.slice(each, 2 * each)) {
    askers.push({ account, conversations: await newConversations(account, conversationsOfAsker) });
  }
  const readers = await Promise.all(
    accounts.slice(2 * each).map((account) => newReader(url, account)),
  );
  return { host: new URL(url).host, writers: accounts.slice(0, each), askers, readers };
}

async function newReader(url: string, account: Account): Promise<People["readers"][number]> {
  const read = async <Body>(path: string) => {
    const response = await fetch(`${url}/api/v1${path}`, { headers: { cookie: account.cookie } });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as Body;
  };
  const ids = await newConversations(account, conversationsOfReader);
  const conversations = [];
  for (const id of ids.slice(0, longConversations)) {
    for (let i = 0; i < questionsInEach; i++) {
      await readAnswer(await account.ask(id, `${someWords(12, i)} {{tokens=100}}`));
    }
    const path = `/conversations/${id}/messages?limit=${pageSize}`;
    const { nextCursor } = await read<MessageListBody>(path);
    conversations.push({ id, messagesCursor: nextCursor ?? "" });
  }
  const { nextCursor } = await read<ConversationListBody>(`/conversations?limit=${pageSize}`);
  return { account, conversationsCursor: nextCursor ?? "", conversations };
}

const syllables = ["fal", "con", "di", "ve", "ra", "lo", "ken", "mi", "tor", "su"];
/** A thousand, so that a search for one of them finds one message in a hundred. */
const words = syllables.flatMap((a) => syllables.flatMap((b) => syllables.map((c) => a + b + c)));

/** Other ones for each number. */
export function someWords(count: number, number: number): string {
  return Array.from(
    { length: count },
    (_, i) => words[(number * 389 + i * 271) % words.length],
  ).join(" ");
}
