import type { User } from "@peregrine/protocol";
import { iso } from "../moments.ts";
import { only, type Run, write } from "../statement.ts";
import { toUser, type UserRow } from "./users.ts";

/** Browser sessions, found by a hash of their token. An expired one is as good as none. */
export function sessionQueries(run: Run) {
  return {
    async create(session: {
      tokenHash: Uint8Array;
      userId: string;
      expiresAt: Date;
    }): Promise<void> {
      await run(createSession, session);
    },

    /** Notes the use, at most once a minute. */
    async find(tokenHash: Uint8Array): Promise<{ user: User; expiresAt: string } | null> {
      const [row] = await run(findSession, { tokenHash });
      return row ? { user: toUser(row), expiresAt: iso(row.expires_at) } : null;
    },

    /** @returns whether there was one. */
    async delete(tokenHash: Uint8Array): Promise<boolean> {
      return (await run(deleteSession, { tokenHash })).length > 0;
    },

    /** @returns how many there were. */
    async deleteExpired(): Promise<number> {
      return only(await run(deleteExpiredSessions, {})).deleted;
    },
  };
}

const createSession = write<{ tokenHash: Uint8Array; userId: string; expiresAt: Date }, never>(
  "sessions.create",
  `insert into sessions (token_hash, user_id, expires_at) values (:tokenHash, :userId, :expiresAt)`,
);

const findSession = write<{ tokenHash: Uint8Array }, UserRow & { expires_at: Date }>(
  "sessions.find",
  `with touched as (
    update sessions set last_used_at = now()
    where token_hash = :tokenHash and last_used_at < now() - interval '1 minute'
  )
  select users.id, users.email, users.name, users.role, users.created_at, sessions.expires_at
  from sessions join users on users.id = sessions.user_id
  where sessions.token_hash = :tokenHash and sessions.expires_at > now()`,
);

const deleteSession = write<{ tokenHash: Uint8Array }, { deleted: number }>(
  "sessions.delete",
  `delete from sessions where token_hash = :tokenHash returning 1 as deleted`,
);

const deleteExpiredSessions = write<Record<never, never>, { deleted: number }>(
  "sessions.deleteExpired",
  `with gone as (delete from sessions where expires_at <= now() returning 1)
  select count(*)::int as deleted from gone`,
);
