import type { Conversation } from "@peregrine/protocol";
import { type Run, read } from "../statement.ts";
import { type ConversationRow, conversationColumns, toConversation } from "./conversations.ts";
import { inConversationBefore, isCurrent } from "./messages.ts";

/** How much of the conversation comes along for the prompt: the newest messages that fit both. */
export type HistoryLimit = {
  messages: number;
  /** Bytes of UTF-8. At least the newest message always comes. */
  bytes: number;
};

/** An earlier message, oldest first; running and empty ones are left out. */
export type HistoryMessage = {
  role: "user" | "assistant";
  content: string;
  /** The message's id, where files are attached to it. */
  withFiles?: string;
};

/** What was said before a question, and the conversation it is asked in. */
export type Prompt = { conversation: Conversation; history: HistoryMessage[] };

export type PromptArgs = {
  userId: string;
  conversationId: string;
  /** The question, which may not be there yet, and its answer. */
  questionId: string;
  answerId: string;
  history: HistoryLimit;
};

/**
 * What a model needs to answer a question, for those who do not wait until it is saved.
 *
 * @returns null if there is no such conversation of this user, or another answer is running in it:
 *   then the question may be refused, or more be said before it
 */
export async function readPrompt(run: Run, asked: PromptArgs): Promise<Prompt | null> {
  const { history, ...rest } = asked;
  const [row] = await run(prompt, { ...rest, ...historyArgs(history) });
  return row ? { conversation: toConversation(row), history: row.history ?? [] } : null;
}

export type HistoryArgs = { historyMessages: number; historyBytes: number };

export function historyArgs(limit: HistoryLimit): HistoryArgs {
  return { historyMessages: limit.messages, historyBytes: limit.bytes };
}

/**
 * The newest messages before one, as JSON and oldest first. `octet_length` takes the size of a long
 * text from where it is stored, without reading it.
 */
export const historyBefore = (messageId: string) => `(
    select json_agg(
      json_strip_nulls(json_build_object('role', role, 'content', content, 'withFiles', (
        select message_id from message_files where message_id = counted.id limit 1
      ))) order by id
    )
    from (
      select id, role, content, bytes, sum(bytes) over (order by id desc) as bytes_in_all
      from (
        select earlier.id, earlier.role, earlier.content, octet_length(earlier.content) as bytes
        from messages as earlier
        where ${inConversationBefore("earlier", messageId)}
          and ${isCurrent("earlier")} and earlier.status <> 'running'
          and earlier.content <> ''
        order by earlier.conversation_id desc, earlier.id desc limit :historyMessages
      ) as newest
    ) as counted
    where bytes_in_all <= :historyBytes or bytes_in_all = bytes
  ) as history`;

export const prompt = read<
  Omit<PromptArgs, "history"> & HistoryArgs,
  ConversationRow & { history: HistoryMessage[] | null }
>(
  "answers.prompt",
  `select ${conversationColumns}, ${historyBefore(":questionId")}
  from conversations
  where conversations.id = :conversationId and conversations.user_id = :userId
    and not exists (
      select 1 from messages
      where conversation_id = :conversationId and status = 'running' and id <> :answerId
    )`,
);
