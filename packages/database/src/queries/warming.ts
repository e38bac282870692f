import type { Conversation, User } from "@peregrine/protocol";
import { type Run, read } from "../statement.ts";
import { type ConversationRow, conversationColumns, toConversation } from "./conversations.ts";
import { toUser, type UserRow } from "./users.ts";

type Batch = { offset: number; size: number };

/** What is likely to be asked for next: of those who were here last, a few at a time. */
export function warmingQueries(run: Run) {
  return {
    /** People by when they were last here. */
    async users(batch: Batch): Promise<User[]> {
      return (await run(recentUsers, batch)).map(toUser);
    },

    /** The newest conversations of all, each with its owner. */
    async conversations(batch: Batch): Promise<{ userId: string; conversation: Conversation }[]> {
      const rows = await run(recentConversations, batch);
      return rows.map((row) => ({ userId: row.user_id, conversation: toConversation(row) }));
    },
  };
}

/** Deep offsets cost more and more; warming is bounded, and runs beside the requests of people. */
const recentUsers = read<Batch, UserRow>(
  "warming.users",
  `select users.id, users.email, users.name, users.role, users.created_at
  from (
    select user_id, max(last_used_at) as last_used_at from sessions
    where expires_at > now() group by user_id
  ) as recent
  join users on users.id = recent.user_id
  order by recent.last_used_at desc, users.id limit :size offset :offset`,
);

const recentConversations = read<Batch, ConversationRow & { user_id: string }>(
  "warming.conversations",
  `select ${conversationColumns}, conversations.user_id
  from (
    select user_id from sessions where expires_at > now()
    group by user_id order by max(last_used_at) desc limit 1000
  ) as recent
  join lateral (
    select * from conversations where conversations.user_id = recent.user_id
    order by updated_at desc limit 10
  ) as conversations on true
  order by conversations.updated_at desc, conversations.id limit :size offset :offset`,
);
