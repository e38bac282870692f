import type {
  Conversation,
  Message,
  MessageError,
  MessageStatus,
  Usage,
} from "@peregrine/protocol";
import { iso } from "../moments.ts";
import { type Run, write } from "../statement.ts";
import { type ConversationRow, conversationColumns, toConversation } from "./conversations.ts";
import { hasNewer, isCurrent } from "./messages.ts";

export type FinishedAnswer = {
  userId: string;
  conversationId: string;
  answerId: string;
  /** Only the server that began the answer may finish it. */
  serverId: string;
  content: string;
  status: Exclude<MessageStatus, "running">;
  /** The model that answered in the end; null keeps the one named at the start. */
  model: string | null;
  usage: Usage | null;
  error: MessageError | null;
  /** The beginning of the answer on one line; null keeps the question's. */
  preview: string | null;
};

/**
 * Saves the text. What Postgres cannot keep of it becomes U+FFFD, since a model may say anything and
 * its answer must not be lost for that. An answer that was taken for orphaned in the meantime is
 * still saved; one that was superseded or deleted is not, which gives null.
 */
export async function finishAnswer(
  run: Run,
  answer: FinishedAnswer,
): Promise<{ answer: Message; conversation: Conversation } | null> {
  const content = keepable(answer.content);
  const usage = answer.usage && {
    promptTokens: countable(answer.usage.promptTokens),
    completionTokens: countable(answer.usage.completionTokens),
  };
  const error = answer.error && { ...answer.error, message: keepable(answer.error.message) };
  const [row] = await run(finish, {
    userId: answer.userId,
    conversationId: answer.conversationId,
    answerId: answer.answerId,
    serverId: answer.serverId,
    content,
    status: answer.status,
    model: answer.model,
    promptTokens: usage?.promptTokens ?? null,
    completionTokens: usage?.completionTokens ?? null,
    errorCode: error?.code ?? null,
    errorMessage: error?.message ?? null,
    preview: answer.preview === null ? null : keepable(answer.preview),
  });
  if (!row) return null;
  return {
    answer: {
      id: answer.answerId,
      conversationId: row.id,
      role: "assistant",
      content,
      status: answer.status,
      author: null,
      questionId: row.question_id,
      model: row.answer_model,
      usage,
      error,
      files: [],
      createdAt: iso(row.answer_created_at),
      finishedAt: iso(row.updated_at),
    },
    conversation: toConversation(row),
  };
}

/** One character for one, so that positions in the text stay. */
function keepable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

/** A count that a model server told, within what the column holds. */
function countable(tokens: number): number {
  return Math.min(Math.max(0, Math.trunc(tokens) || 0), 2 ** 31 - 1);
}

type FinishArgs = {
  userId: string;
  conversationId: string;
  answerId: string;
  serverId: string;
  content: string;
  status: FinishedAnswer["status"];
  model: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
  errorCode: string | null;
  errorMessage: string | null;
  preview: string | null;
};

export const finish = write<
  FinishArgs,
  ConversationRow & { question_id: string; answer_model: string; answer_created_at: Date }
>(
  "answers.finish",
  `with locked as (
    select id from conversations where id = :conversationId and user_id = :userId
    for no key update
  ),
  saved as (
    update messages set content = :content, status = :status, model = coalesce(:model, model),
      prompt_tokens = :promptTokens, completion_tokens = :completionTokens,
      error_code = :errorCode, error_message = :errorMessage, finished_at = now()
    from locked
    where messages.id = :answerId and messages.conversation_id = locked.id
      and messages.server_id = :serverId and ${isCurrent("messages")}
      and (status = 'running' or (status = 'interrupted' and error_code = 'interrupted'))
    returning messages.id, messages.conversation_id, messages.question_id, messages.model,
      messages.created_at
  )
  update conversations set updated_at = now(),
    preview = case
      when :preview::text is null or ${hasNewer("saved.conversation_id", "saved.id")}
      then preview
      else :preview
    end
  from saved
  where conversations.id = saved.conversation_id
  returning ${conversationColumns}, saved.question_id, saved.model as answer_model,
    saved.created_at as answer_created_at`,
);
