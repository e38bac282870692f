import { type Run, write } from "../statement.ts";
import { type Begun, type BegunRow, orRunning, toBegun } from "./begun.ts";
import { conversationColumns } from "./conversations.ts";
import { filesOfMessage, hasNewer, isCurrent } from "./messages.ts";
import {
  type HistoryArgs,
  type HistoryLimit,
  type HistoryMessage,
  historyArgs,
  historyBefore,
} from "./prompt.ts";

export type Regeneration = {
  userId: string;
  answerId: string;
  newAnswerId: string;
  model: string;
  serverId: string;
  history: HistoryLimit;
};

/** With what was said before the question. */
export type BegunAgain = Begun & { history: HistoryMessage[] };

/** Begins another answer to the same question, which takes the place of the one named. */
export async function regenerateAnswer(
  run: Run,
  again: Regeneration,
): Promise<BegunAgain | "not_found" | "answer_running" | "not_last_answer"> {
  const { history, ...rest } = again;
  const row = await orRunning(run(regenerate, { ...rest, ...historyArgs(history) }));
  if (row === "answer_running") return row;
  if (!row) return "not_found";
  if (row.has_newer) return "not_last_answer";
  // Running, or superseded by another request since the statement began.
  if (row.id === null) return "answer_running";
  const begun = toBegun(row, again.newAnswerId, {
    id: row.question_id,
    content: row.question_content,
    created_at: row.question_created_at,
  });
  return { ...begun, history: row.history ?? [] };
}

export const regenerate = write<
  Omit<Regeneration, "history"> & HistoryArgs,
  { has_newer: boolean } & (
    | (BegunRow & {
        question_id: string;
        question_content: string;
        question_created_at: Date;
        history: HistoryMessage[] | null;
      })
    | { id: null }
  )
>(
  "answers.regenerate",
  `with old as (
    select id, conversation_id, question_id, status = 'running' as running,
      ${hasNewer("messages.conversation_id", "messages.id")} as has_newer
    from messages
    where id = :answerId and user_id = :userId and role = 'assistant' and ${isCurrent("messages")}
  ),
  bumped as (
    update conversations set updated_at = now()
    from old
    where conversations.id = old.conversation_id and conversations.user_id = :userId
      and not old.running and not old.has_newer
    returning conversations.*
  ),
  superseded as (
    update messages set superseded_at = now()
    from bumped
    where messages.id = :answerId and ${isCurrent("messages")}
    returning messages.question_id
  ),
  begun as (
    insert into messages (id, conversation_id, user_id, role, content, status, question_id, model,
      server_id)
    select :newAnswerId, bumped.id, bumped.user_id, 'assistant', '', 'running',
      superseded.question_id, coalesce(bumped.model, :model), :serverId
    from bumped cross join superseded
    returning id
  )
  select old.has_newer, ${conversationColumns}, conversations.user_id, users.name as author,
    coalesce(conversations.model, :model) as answer_model,
    messages.id as question_id, messages.content as question_content,
    messages.created_at as question_created_at,
    ${filesOfMessage},
    ${historyBefore("messages.id")}
  from old
  left join (select bumped.* from bumped cross join begun) as conversations on true
  left join users on users.id = conversations.user_id
  left join messages on messages.id = old.question_id`,
);
