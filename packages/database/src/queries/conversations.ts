import type { Conversation, PatchConversationBody } from "@peregrine/protocol";
import { decodeConversationCursor, encodeConversationCursor } from "../cursors.ts";
import { iso } from "../moments.ts";
import { only, type Run, read, write } from "../statement.ts";

export type ConversationRow = {
  id: string;
  title: string | null;
  preview: string;
  model: string | null;
  cancel_when_alone: boolean;
  cache_answers: boolean;
  created_at: Date;
  updated_at: Date;
};

/** The columns of a `ConversationRow`, for any statement that has the table in reach. */
export const conversationColumns = `conversations.id, conversations.title, conversations.preview,
    conversations.model, conversations.cancel_when_alone, conversations.cache_answers,
    conversations.created_at, conversations.updated_at`;

export function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    title: row.title,
    preview: row.preview,
    model: row.model,
    cancelWhenAlone: row.cancel_when_alone,
    cacheAnswers: row.cache_answers,
    createdAt: iso(row.created_at),
    updatedAt: iso(row.updated_at),
  };
}

/** One user's conversations. Somebody else's is as good as none. */
export function conversationQueries(run: Run) {
  return {
    async create(conversation: {
      id: string;
      userId: string;
      title: string | null;
    }): Promise<Conversation> {
      return toConversation(only(await run(createConversation, conversation)));
    },

    /**
     * Last activity first.
     * @throws InvalidCursorError
     */
    async list(page: {
      userId: string;
      limit: number;
      cursor: string | null;
    }): Promise<{ conversations: Conversation[]; nextCursor: string | null }> {
      const before = page.cursor === null ? null : decodeConversationCursor(page.cursor);
      const rows = await run(listConversations, {
        userId: page.userId,
        limit: page.limit + 1,
        beforeMoment: before?.updatedAt ?? null,
        beforeId: before?.id ?? null,
      });
      const conversations = rows.slice(0, page.limit).map(toConversation);
      const last = rows.length > page.limit ? conversations.at(-1) : undefined;
      return { conversations, nextCursor: last ? encodeConversationCursor(last) : null };
    },

    async get(userId: string, id: string): Promise<Conversation | null> {
      const [row] = await run(getConversation, { userId, id });
      return row ? toConversation(row) : null;
    },

    /** Changes what the patch names and no more; the place in the list stays. */
    async patch(
      userId: string,
      id: string,
      patch: PatchConversationBody,
    ): Promise<Conversation | null> {
      const [row] = await run(patchConversation, {
        userId,
        id,
        title: patch.title ?? null,
        model: patch.model ?? null,
        setsModel: patch.model !== undefined,
        cancelWhenAlone: patch.cancelWhenAlone ?? null,
        cacheAnswers: patch.cacheAnswers ?? null,
      });
      return row ? toConversation(row) : null;
    },

    /** @returns the conversation, or null if it is gone or has a title by now. */
    async setTitleIfUntitled(
      userId: string,
      id: string,
      title: string,
    ): Promise<Conversation | null> {
      const [row] = await run(setTitleIfUntitled, { userId, id, title });
      return row ? toConversation(row) : null;
    },

    /** With its messages. @returns whether there was one. */
    async delete(userId: string, id: string): Promise<boolean> {
      return (await run(deleteConversation, { userId, id })).length > 0;
    },
  };
}

const createConversation = write<
  { id: string; userId: string; title: string | null },
  ConversationRow
>(
  "conversations.create",
  `insert into conversations (id, user_id, title) values (:id, :userId, :title)
  returning ${conversationColumns}`,
);

/** Without a cursor the bounds are the greatest values, so that every page is one index range. */
export const listConversations = read<
  { userId: string; limit: number; beforeMoment: Date | null; beforeId: string | null },
  ConversationRow
>(
  "conversations.list",
  `select ${conversationColumns} from conversations
  where user_id = :userId and (updated_at, id) < (
    coalesce(:beforeMoment::timestamptz(3), 'infinity'),
    coalesce(:beforeId::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  )
  order by updated_at desc, id desc limit :limit`,
);

const getConversation = read<{ userId: string; id: string }, ConversationRow>(
  "conversations.get",
  `select ${conversationColumns} from conversations where id = :id and user_id = :userId`,
);

const patchConversation = write<
  {
    userId: string;
    id: string;
    title: string | null;
    model: string | null;
    setsModel: boolean;
    cancelWhenAlone: boolean | null;
    cacheAnswers: boolean | null;
  },
  ConversationRow
>(
  "conversations.patch",
  `update conversations set
    title = coalesce(:title, title),
    model = case when :setsModel::boolean then :model else model end,
    cancel_when_alone = coalesce(:cancelWhenAlone::boolean, cancel_when_alone),
    cache_answers = coalesce(:cacheAnswers::boolean, cache_answers)
  where id = :id and user_id = :userId
  returning ${conversationColumns}`,
);

const setTitleIfUntitled = write<{ userId: string; id: string; title: string }, ConversationRow>(
  "conversations.setTitleIfUntitled",
  `update conversations set title = :title
  where id = :id and user_id = :userId and title is null
  returning ${conversationColumns}`,
);

const deleteConversation = write<{ userId: string; id: string }, { deleted: number }>(
  "conversations.delete",
  `delete from conversations where id = :id and user_id = :userId returning 1 as deleted`,
);
