import type {
  Conversation,
  Message,
  MessageError,
  MessageFile,
  MessageStatus,
  Usage,
} from "@peregrine/protocol";
import { iso } from "../moments.ts";
import { ConstraintViolation } from "../postgres-errors.ts";
import { type Run, write } from "../statement.ts";
import { type ConversationRow, conversationColumns, toConversation } from "./conversations.ts";
import { filesOfMessage } from "./messages.ts";

/** How much of the conversation comes along for the prompt: the newest messages that fit both. */
export type HistoryLimit = {
  messages: number;
  /** Bytes of UTF-8. At least the newest message always comes. */
  bytes: number;
};

/** An earlier message, oldest first; running and empty ones are left out. */
export type HistoryMessage = { role: "user" | "assistant"; content: string };

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
  history: HistoryLimit;
};

export type Regeneration = {
  userId: string;
  answerId: string;
  newAnswerId: string;
  model: string;
  serverId: string;
  history: HistoryLimit;
};

/** An answer that has begun, with what the model needs to write it. */
export type Begun = {
  conversation: Conversation;
  question: Message;
  answer: Message;
  /** What was said before the question. */
  history: HistoryMessage[];
};

export type FinishedAnswer = {
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
 * The life of an answer: one statement when it begins, one when it ends. That a conversation has at
 * most one running answer is a unique index, so it holds between servers as well.
 *
 * All lock the conversation before its messages, the order in which deleting does; the other way
 * round is a deadlock.
 */
export function answerQueries(run: Run) {
  return {
    /** Saves the question with its files, and an answer that is running. */
    async ask(
      question: Question,
    ): Promise<Begun | "not_found" | "answer_running" | "file_not_found"> {
      const { history, ...rest } = question;
      const fileIds = [...new Set(question.fileIds)];
      const row = await orRunning(run(ask, { ...rest, fileIds, ...historyArgs(history) }));
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
    },

    /** Begins another answer to the same question, which takes the place of the one named. */
    async regenerate(
      again: Regeneration,
    ): Promise<Begun | "not_found" | "answer_running" | "not_last_answer"> {
      const { history, ...rest } = again;
      const row = await orRunning(run(regenerate, { ...rest, ...historyArgs(history) }));
      if (row === "answer_running") return row;
      if (!row) return "not_found";
      if (row.has_newer) return "not_last_answer";
      // Running, or superseded by another request since the statement began.
      if (row.id === null) return "answer_running";
      return toBegun(row, again.newAnswerId, {
        id: row.question_id,
        content: row.question_content,
        created_at: row.question_created_at,
      });
    },

    /**
     * Saves the text; what Postgres cannot keep of it becomes U+FFFD, since a model may say anything
     * and its answer must not be lost for that. An answer that was taken for orphaned in the meantime is still saved; one
     * that was superseded or deleted is not, which gives null.
     */
    async finish(
      answer: FinishedAnswer,
    ): Promise<{ answer: Message; conversation: Conversation } | null> {
      const content = keepable(answer.content);
      const usage = answer.usage && {
        promptTokens: countable(answer.usage.promptTokens),
        completionTokens: countable(answer.usage.completionTokens),
      };
      const error = answer.error && { ...answer.error, message: keepable(answer.error.message) };
      const [row] = await run(finish, {
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
    },
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

/** The unique index on running answers refused another one. */
async function orRunning<Row>(rows: Promise<Row[]>): Promise<Row | undefined | "answer_running"> {
  try {
    return (await rows)[0];
  } catch (error) {
    if (!(error instanceof ConstraintViolation)) throw error;
    if (error.constraint !== "messages_running_key") throw error;
    return "answer_running";
  }
}

function historyArgs(limit: HistoryLimit) {
  return { historyMessages: limit.messages, historyBytes: limit.bytes };
}

/** A conversation whose `updated_at` is the moment at which the answer began. */
type BegunRow = ConversationRow & {
  user_id: string;
  author: string;
  answer_model: string;
  files: MessageFile[] | null;
  history: HistoryMessage[] | null;
};

function toBegun(
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

/**
 * The newest messages before one, as JSON and oldest first. `octet_length` takes the size of a long
 * text from where it is stored, without reading it.
 */
const historyBefore = (messageId: string) => `(
    select json_agg(json_build_object('role', role, 'content', content) order by id)
    from (
      select id, role, content, bytes, sum(bytes) over (order by id desc) as bytes_in_all
      from (
        select earlier.id, earlier.role, earlier.content, octet_length(earlier.content) as bytes
        from messages as earlier
        where earlier.conversation_id = conversations.id and earlier.id < ${messageId}
          and earlier.superseded_at is null and earlier.status <> 'running'
          and earlier.content <> ''
        order by earlier.id desc limit :historyMessages
      ) as newest
    ) as counted
    where bytes_in_all <= :historyBytes or bytes_in_all = bytes
  ) as history`;

type HistoryArgs = { historyMessages: number; historyBytes: number };

/**
 * Nothing is changed unless the conversation and all files are the user's. A running answer is
 * looked for first, since an error costs more than a look and a line in Postgres' log; the unique
 * index stands behind it.
 */
const ask = write<
  Omit<Question, "history"> & HistoryArgs,
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
    ) as files,
    ${historyBefore(":questionId")}
  from given
  left join bumped as conversations on true
  left join users on users.id = conversations.user_id`,
);

const regenerate = write<
  Omit<Regeneration, "history"> & HistoryArgs,
  { has_newer: boolean } & (
    | (BegunRow & { question_id: string; question_content: string; question_created_at: Date })
    | { id: null }
  )
>(
  "answers.regenerate",
  `with old as (
    select id, conversation_id, question_id, status = 'running' as running,
      exists (
        select 1 from messages as newer
        where newer.conversation_id = messages.conversation_id and newer.id > messages.id
          and newer.superseded_at is null
      ) as has_newer
    from messages
    where id = :answerId and user_id = :userId and role = 'assistant' and superseded_at is null
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
    where messages.id = :answerId and messages.superseded_at is null
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

type FinishArgs = {
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

const finish = write<
  FinishArgs,
  ConversationRow & { question_id: string; answer_model: string; answer_created_at: Date }
>(
  "answers.finish",
  `with locked as (
    select conversations.id
    from messages join conversations on conversations.id = messages.conversation_id
    where messages.id = :answerId
    for no key update of conversations
  ),
  saved as (
    update messages set content = :content, status = :status, model = coalesce(:model, model),
      prompt_tokens = :promptTokens, completion_tokens = :completionTokens,
      error_code = :errorCode, error_message = :errorMessage, finished_at = now()
    from locked
    where messages.id = :answerId and messages.conversation_id = locked.id
      and messages.server_id = :serverId and messages.superseded_at is null
      and (status = 'running' or (status = 'interrupted' and error_code = 'interrupted'))
    returning messages.id, messages.conversation_id, messages.question_id, messages.model,
      messages.created_at
  )
  update conversations set updated_at = now(),
    preview = case
      when :preview::text is null or exists (
        select 1 from messages as newer
        where newer.conversation_id = saved.conversation_id and newer.id > saved.id
          and newer.superseded_at is null
      ) then preview
      else :preview
    end
  from saved
  where conversations.id = saved.conversation_id
  returning ${conversationColumns}, saved.question_id, saved.model as answer_model,
    saved.created_at as answer_created_at`,
);
