import type { Message, MessageFile, MessageStatus } from "@peregrine/protocol";
import { decodeMessageCursor } from "../cursors.ts";
import { iso, isoOrNull } from "../moments.ts";
import { type Run, read } from "../statement.ts";

export type MessageRow = {
  id: string;
  conversation_id: string;
  user_id: string;
  role: "user" | "assistant";
  content: string;
  status: MessageStatus;
  question_id: string | null;
  model: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  error_code: string | null;
  error_message: string | null;
  created_at: Date;
  finished_at: Date | null;
  author: string;
  files: MessageFile[] | null;
};

/** The columns of a `MessageRow` but `author` and `files`, of the table `messages`. */
export const messageColumns = `messages.id, messages.conversation_id, messages.user_id,
    messages.role, messages.content, messages.status, messages.question_id, messages.model,
    messages.prompt_tokens, messages.completion_tokens, messages.error_code,
    messages.error_message, messages.created_at, messages.finished_at`;

/** The files of `messages.id` in their order, as JSON; null for none. */
export const filesOfMessage = `(
      select json_agg(json_build_object('id', files.id, 'name', files.name,
        'mediaType', files.media_type, 'sizeBytes', files.size_bytes) order by position)
      from message_files join files on files.id = message_files.file_id
      where message_files.message_id = messages.id
    ) as files`;

export function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    role: row.role,
    content: row.content,
    status: row.status,
    author: row.role === "user" ? { id: row.user_id, name: row.author } : null,
    questionId: row.question_id,
    model: row.model,
    usage:
      row.prompt_tokens === null || row.completion_tokens === null
        ? null
        : { promptTokens: row.prompt_tokens, completionTokens: row.completion_tokens },
    error:
      row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
    files: row.files ?? [],
    createdAt: iso(row.created_at),
    finishedAt: isoOrNull(row.finished_at),
  };
}

/**
 * The messages of `conversations.id` before one. Written as a range, and to be ordered by both
 * columns, so that the index on both is the only one that gives the order: with an equality the
 * planner would take the conversation's id for settled, and may then walk all messages by their id
 * alone until it meets enough of this conversation.
 */
export const inConversationBefore = (messages: string, id: string) =>
  `(${messages}.conversation_id, ${messages}.id) < (conversations.id, ${id})
      and ${messages}.conversation_id >= conversations.id`;

/** Whether a message has one after it; a range for the reason that `inConversationBefore` gives. */
export const hasNewer = (conversationId: string, id: string) => `(
    select newer.id from messages as newer
    where (newer.conversation_id, newer.id) > (${conversationId}, ${id})
      and newer.conversation_id <= ${conversationId} and newer.superseded_at is null
    order by newer.conversation_id, newer.id limit 1
  ) is not null`;

/** Reads one user's messages. Answers that a newer one superseded are not there. */
export function messageQueries(run: Run) {
  return {
    /**
     * Newest first, each with its author and files.
     * @returns null if the user has no such conversation.
     * @throws InvalidCursorError
     */
    async list(page: {
      userId: string;
      conversationId: string;
      limit: number;
      cursor: string | null;
    }): Promise<{ messages: Message[]; nextCursor: string | null } | null> {
      const rows = await run(listMessages, {
        userId: page.userId,
        conversationId: page.conversationId,
        limit: page.limit + 1,
        before: page.cursor === null ? null : decodeMessageCursor(page.cursor),
      });
      if (rows.length === 0) return null;
      const found = rows.filter(isMessage);
      const messages = found.slice(0, page.limit).map(toMessage);
      const last = found.length > page.limit ? messages.at(-1) : undefined;
      return { messages, nextCursor: last?.id ?? null };
    },

    /**
     * The messages before and after one, and itself, newest first. Where it is not there, those
     * between which it would be.
     * @returns null if the user has no such conversation.
     */
    async listAround(page: {
      userId: string;
      conversationId: string;
      limit: number;
      id: string;
    }): Promise<MessageSpan | null> {
      const newer = Math.floor(page.limit / 2);
      return listSpan(run, page, newer, page.limit - newer);
    },

    /**
     * The messages that follow a cursor, newest first.
     * @returns null if the user has no such conversation.
     * @throws InvalidCursorError
     */
    async listNewer(page: {
      userId: string;
      conversationId: string;
      limit: number;
      cursor: string;
    }): Promise<MessageSpan | null> {
      return listSpan(run, { ...page, id: decodeMessageCursor(page.cursor) }, page.limit, 0);
    },

    async get(userId: string, id: string): Promise<Message | null> {
      const [row] = await run(getMessage, { userId, id });
      return row ? toMessage(row) : null;
    },
  };
}

/** Somewhere in a conversation: the cursors lead on in both directions, null where it ends. */
type MessageSpan = { messages: Message[]; nextCursor: string | null; newerCursor: string | null };

async function listSpan(
  run: Run,
  { userId, conversationId, id }: { userId: string; conversationId: string; id: string },
  newerLimit: number,
  olderLimit: number,
): Promise<MessageSpan | null> {
  const rows = await run(listMessagesAround, {
    userId,
    conversationId,
    id,
    // One more on either side tells whether it goes on there.
    newerLimit: newerLimit + 1,
    olderLimit: olderLimit === 0 ? 0 : olderLimit + 1,
  });
  if (rows.length === 0) return null;
  const found = rows.filter(isMessage);
  const newer = found.filter((row) => row.id > id);
  const older = found.filter((row) => row.id <= id);
  const newest = newer.slice(Math.max(0, newer.length - newerLimit));
  const page = [...newest, ...older.slice(0, olderLimit)];
  const goesOn = older.length > olderLimit || olderLimit === 0;
  return {
    messages: page.map(toMessage),
    nextCursor: goesOn ? (page.at(-1)?.id ?? null) : null,
    newerCursor: newer.length > newerLimit ? (page[0]?.id ?? id) : null,
  };
}

/** An empty page is one row without a message: the conversation alone. */
function isMessage(row: MessageRow | { id: null }): row is MessageRow {
  return row.id !== null;
}

export const listMessages = read<
  { userId: string; conversationId: string; limit: number; before: string | null },
  MessageRow | { id: null }
>(
  "messages.list",
  `select page.*, users.name as author
  from conversations
  join users on users.id = conversations.user_id
  left join lateral (
    select ${messageColumns}, ${filesOfMessage}
    from messages
    where ${inConversationBefore("messages", "coalesce(:before::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')")}
      and messages.superseded_at is null
    order by messages.conversation_id desc, messages.id desc limit :limit
  ) as page on true
  where conversations.id = :conversationId and conversations.user_id = :userId
  order by page.id desc`,
);

export const listMessagesAround = read<
  { userId: string; conversationId: string; id: string; newerLimit: number; olderLimit: number },
  MessageRow | { id: null }
>(
  "messages.listAround",
  `select page.*, users.name as author
  from conversations
  join users on users.id = conversations.user_id
  left join lateral (
    (
      select ${messageColumns}, ${filesOfMessage}
      from messages
      where (messages.conversation_id, messages.id) > (conversations.id, :id::uuid)
        and messages.conversation_id <= conversations.id and messages.superseded_at is null
      order by messages.conversation_id, messages.id limit :newerLimit
    )
    union all
    (
      select ${messageColumns}, ${filesOfMessage}
      from messages
      where (messages.conversation_id, messages.id) <= (conversations.id, :id::uuid)
        and messages.conversation_id >= conversations.id and messages.superseded_at is null
      order by messages.conversation_id desc, messages.id desc limit :olderLimit
    )
  ) as page on true
  where conversations.id = :conversationId and conversations.user_id = :userId
  order by page.id desc`,
);

const getMessage = read<{ userId: string; id: string }, MessageRow>(
  "messages.get",
  `select ${messageColumns}, users.name as author, ${filesOfMessage}
  from messages join users on users.id = messages.user_id
  where messages.id = :id and messages.user_id = :userId and messages.superseded_at is null`,
);
