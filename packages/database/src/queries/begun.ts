import type { Conversation, Message, MessageFile } from "@peregrine/protocol";
import { iso } from "../moments.ts";
import { ConstraintViolation } from "../postgres-errors.ts";
import { type ConversationRow, toConversation } from "./conversations.ts";

/** An answer that has begun. */
export type Begun = {
  conversation: Conversation;
  question: Message;
  answer: Message;
};

/** A conversation whose `updated_at` is the moment at which the answer began. */
export type BegunRow = ConversationRow & {
  user_id: string;
  author: string;
  answer_model: string;
  files: MessageFile[] | null;
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
