import type { ApiKey, User } from "@peregrine/protocol";
import { iso, isoOrNull } from "../moments.ts";
import { ConstraintViolation } from "../postgres-errors.ts";
import { type Run, read, write } from "../statement.ts";
import { toUser, type UserRow } from "./users.ts";

export type NewApiKey = {
  id: string;
  userId: string;
  name: string;
  prefix: string;
  keyHash: Uint8Array;
  /** How many keys a user may have. */
  limit: number;
};

/** Keys for programs, found by a hash of the key. */
export function apiKeyQueries(run: Run) {
  return {
    /** Takes the lowest free slot; two that take the same one at once are told apart by an index. */
    async create(key: NewApiKey): Promise<{ apiKey: ApiKey } | "limit_reached"> {
      for (;;) {
        try {
          const [row] = await run(createApiKey, key);
          return row ? { apiKey: toApiKey(row) } : "limit_reached";
        } catch (error) {
          if (!(error instanceof ConstraintViolation)) throw error;
          if (error.constraint !== "api_keys_user_id_slot_key") throw error;
        }
      }
    },

    /** Newest first. */
    async list(userId: string): Promise<ApiKey[]> {
      return (await run(listApiKeys, { userId })).map(toApiKey);
    },

    /** The hash by which a key is found. */
    async hashOf(userId: string, id: string): Promise<Uint8Array | null> {
      const [row] = await run(hashOfApiKey, { userId, id });
      return row?.key_hash ?? null;
    },

    /** @returns whether there was one. */
    async delete(userId: string, id: string): Promise<boolean> {
      return (await run(deleteApiKey, { userId, id })).length > 0;
    },

    /** Notes the use, at most once a minute. */
    async find(keyHash: Uint8Array): Promise<{ user: User; apiKeyId: string } | null> {
      const [row] = await run(findApiKey, { keyHash });
      return row ? { user: toUser(row), apiKeyId: row.api_key_id } : null;
    },
  };
}

type ApiKeyRow = {
  id: string;
  name: string;
  prefix: string;
  created_at: Date;
  last_used_at: Date | null;
};

function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    createdAt: iso(row.created_at),
    lastUsedAt: isoOrNull(row.last_used_at),
  };
}

const createApiKey = write<NewApiKey, ApiKeyRow>(
  "apiKeys.create",
  `insert into api_keys (id, user_id, slot, name, prefix, key_hash)
  select :id, :userId, min(slot), :name, :prefix, :keyHash
  from generate_series(1, :limit::int) as slot
  where slot not in (select slot from api_keys where user_id = :userId)
  having count(*) > 0
  returning id, name, prefix, created_at, last_used_at`,
);

const listApiKeys = read<{ userId: string }, ApiKeyRow>(
  "apiKeys.list",
  `select id, name, prefix, created_at, last_used_at from api_keys
  where user_id = :userId order by id desc`,
);

const hashOfApiKey = read<{ userId: string; id: string }, { key_hash: Uint8Array }>(
  "apiKeys.hashOf",
  `select key_hash from api_keys where id = :id and user_id = :userId`,
);

const deleteApiKey = write<{ userId: string; id: string }, { deleted: number }>(
  "apiKeys.delete",
  `delete from api_keys where id = :id and user_id = :userId returning 1 as deleted`,
);

const findApiKey = write<{ keyHash: Uint8Array }, UserRow & { api_key_id: string }>(
  "apiKeys.find",
  `with touched as (
    update api_keys set last_used_at = now()
    where key_hash = :keyHash
      and (last_used_at is null or last_used_at < now() - interval '1 minute')
  )
  select users.id, users.email, users.name, users.role, users.created_at, api_keys.id as api_key_id
  from api_keys join users on users.id = api_keys.user_id
  where api_keys.key_hash = :keyHash`,
);
