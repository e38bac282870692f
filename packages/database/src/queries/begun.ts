import type { Conversation, Message, MessageFile } from "@peregrine/protocol";
import { iso } from "../moments.ts";
import { ConstraintViolation } from "../postgres-errors.ts";
import { type ConversationRow, toConversation } from "./conversations.ts";
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

/** An answer that has begun, with what the model needs to write it. */
export type Begun = {
  conversation: Conversation;
  question: Message;
  answer: Message;
  /** What was said before the question. */
  history: HistoryMessage[];
};

/** A conversation whose `updated_at` is the moment at which the answer began. */
export type BegunRow = ConversationRow & {
  user_id: string;
  author: string;
  answer_model: string;
  files: MessageFile[] | null;
  history: HistoryMessage[] | null;
};

export function toBegun(
  row: BegunRow,
  answerId: string,
  question: { id: string; content: string; created_at: Date },
): Begun {
  const asked = iso(question.created_at);
  return {
    conversation: toConversation(row),
    question: {
      id: question.id,
      conversationId: row.id,
      role: "user",
      content: question.content,
      status: "complete",
      author: { id: row.user_id, name: row.author },
      questionId: null,
      model: null,
      usage: null,
      error: null,
      files: row.files ?? [],
      createdAt: asked,
      finishedAt: asked,
    },
    answer: {
      id: answerId,
      conversationId: row.id,
      role: "assistant",
      content: "",
      status: "running",
      author: null,
      questionId: question.id,
      model: row.answer_model,
      usage: null,
      error: null,
      files: [],
      createdAt: iso(row.updated_at),
      finishedAt: null,
    },
    history: row.history ?? [],
  };
}

/** The unique index on running answers refused another one. */
export async function orRunning<Row>(
  rows: Promise<Row[]>,
): Promise<Row | undefined | "answer_running"> {
  try {
    return (await rows)[0];
  } catch (error) {
    if (!(error instanceof ConstraintViolation)) throw error;
    if (error.constraint !== "messages_running_key") throw error;
    return "answer_running";
  }
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
