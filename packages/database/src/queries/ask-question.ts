import { type Run, write } from "../statement.ts";
import { type Begun, type BegunRow, orRunning, toBegun } from "./begun.ts";
import { conversationColumns } from "./conversations.ts";

export type Question = {
  userId: string;
  conversationId: string;
  questionId: string;
  answerId: string;
  content: string;
  fileIds: string[];
  /** The model that answers where the conversation names none. */
  model: string;
  /** The server process that will write the answer. */
  serverId: string;
  /** The beginning of the question on one line, for the list of conversations. */
  preview: string;
};

/** Saves the question with its files, and an answer that is running. */
export async function askQuestion(
  run: Run,
  question: Question,
): Promise<Begun | "not_found" | "answer_running" | "file_not_found"> {
  const fileIds = [...new Set(question.fileIds)];
  const row = await orRunning(run(ask, { ...question, fileIds }));
  if (row === "answer_running") return row;
  if (!row?.conversation_found) return "not_found";
  if (!row.files_found) return "file_not_found";
  if (row.running) return "answer_running";
  // Deleted since the statement began.
  if (row.id === null) return "not_found";
  return toBegun(row, question.answerId, {
    id: question.questionId,
    content: question.content,
    created_at: row.updated_at,
  });
}

/**
 * Nothing is changed unless the conversation and all files are the user's. A running answer is
 * looked for first, since an error costs more than a look and a line in Postgres' log; the unique
 * index stands behind it.
 */
export const ask = write<
  Question,
  { conversation_found: boolean; files_found: boolean; running: boolean } & (
    | BegunRow
    | { id: null }
  )
>(
  "answers.ask",
  `with wanted as (
    select files.id, files.name, files.media_type, files.size_bytes, wanted.position
    from unnest(:fileIds::uuid[]) with ordinality as wanted (id, position)
    join files on files.id = wanted.id and files.user_id = :userId
  ),
  given as (
    select count(*) = cardinality(:fileIds::uuid[]) as files_found, exists (
        select 1 from conversations where id = :conversationId and user_id = :userId
      ) as conversation_found, exists (
        select 1 from messages where conversation_id = :conversationId and status = 'running'
      ) as running
    from wanted
  ),
  bumped as (
    update conversations set updated_at = now(), preview = :preview
    from given
    where conversations.id = :conversationId and conversations.user_id = :userId
      and given.files_found and not given.running
    returning conversations.*
  ),
  asked as (
    insert into messages (id, conversation_id, user_id, role, content, status, question_id, model,
      server_id, finished_at)
    select new.id, bumped.id, bumped.user_id, new.role, new.content, new.status, new.question_id,
      new.model, new.server_id, new.finished_at
    from bumped cross join lateral (values
      (:questionId::uuid, 'user', :content, 'complete', null::uuid, null, null::uuid, now()),
      (:answerId::uuid, 'assistant', '', 'running', :questionId, coalesce(bumped.model, :model),
        :serverId, null)
    ) as new (id, role, content, status, question_id, model, server_id, finished_at)
  ),
  linked as (
    insert into message_files (message_id, file_id, position)
    select :questionId, wanted.id, wanted.position from wanted cross join bumped
  )
  select ${conversationColumns}, conversations.user_id, users.name as author,
    coalesce(conversations.model, :model) as answer_model,
    given.conversation_found, given.files_found, given.running,
    (
      select json_agg(json_build_object('id', id, 'name', name, 'mediaType', media_type,
        'sizeBytes', size_bytes) order by position) from wanted
    ) as files
  from given
  left join bumped as conversations on true
  left join users on users.id = conversations.user_id`,
);
