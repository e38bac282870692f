import { iso } from "../moments.ts";
import { type Run, read, write } from "../statement.ts";

/** A file that is on its way in parts. */
export type StoredUpload = {
  id: string;
  userId: string;
  name: string;
  sizeBytes: number;
  objectKey: string;
  /** How the store calls it; null until the store knows of it. */
  storeId: string | null;
  expiresAt: string;
};

type NewUpload = {
  id: string;
  userId: string;
  name: string;
  sizeBytes: number;
  objectKey: string;
  ttlSeconds: number;
  /** How many a user may have under way. */
  atMost: number;
};

type UploadRow = {
  id: string;
  user_id: string;
  name: string;
  size_bytes: number;
  object_key: string;
  store_id: string | null;
  expires_at: Date;
};

/** Uploads in parts, which may go on for days and over several servers. */
export function uploadQueries(run: Run) {
  return {
    /**
     * Of those that are begun at the same moment each counts the others once it is there itself, so
     * that the last to count sees all: it may be refused too early, and there are never too many.
     *
     * @returns null if the user has `atMost` under way
     */
    async create(upload: NewUpload): Promise<StoredUpload | null> {
      const [row] = await run(create, upload);
      if (!row || (await run(deleteBeyond, upload)).length > 0) return null;
      return toUpload(row);
    },

    /** The store knows of it. */
    async begun(id: string, storeId: string): Promise<void> {
      await run(begun, { id, storeId });
    },

    /** An upload that goes on; it is given as long again. */
    async touch(userId: string, id: string, ttlSeconds: number): Promise<StoredUpload | null> {
      const [row] = await run(touch, { userId, id, ttlSeconds });
      return row ? toUpload(row) : null;
    },

    /**
     * Takes an upload to look at what came, for `leaseSeconds`.
     * @returns false while another server does
     */
    async claimCheck(id: string, leaseSeconds: number): Promise<boolean> {
      return (await run(claimCheck, { id, leaseSeconds })).length > 0;
    },

    /** Still at it, or, with 0 seconds, no longer. */
    async extendCheck(id: string, leaseSeconds: number): Promise<void> {
      await run(extendCheck, { id, leaseSeconds });
    },

    async delete(id: string): Promise<void> {
      await run(deleteUpload, { id });
    },

    /** Those that were given up, oldest first. */
    async expired(limit: number): Promise<StoredUpload[]> {
      return (await run(expired, { limit })).map(toUpload);
    },
  };
}

function toUpload(row: UploadRow): StoredUpload {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    sizeBytes: row.size_bytes,
    objectKey: row.object_key,
    storeId: row.store_id,
    expiresAt: iso(row.expires_at),
  };
}

/** `size_bytes` as a number that the driver does not turn into text. */
const columns =
  "id, user_id, name, size_bytes::float8 as size_bytes, object_key, store_id, expires_at";

const create = write<NewUpload, UploadRow>(
  "uploads.create",
  `insert into uploads (id, user_id, name, size_bytes, object_key, expires_at)
  select :id::uuid, :userId::uuid, :name, :sizeBytes::float8::bigint, :objectKey,
    now() + make_interval(secs => :ttlSeconds)
  where (select count(*) from uploads where user_id = :userId) < :atMost::int
  returning ${columns}`,
);

const deleteBeyond = write<Pick<NewUpload, "id" | "userId" | "atMost">, { deleted: number }>(
  "uploads.deleteBeyond",
  `delete from uploads
  where id = :id and (select count(*) from uploads where user_id = :userId) > :atMost::int
  returning 1 as deleted`,
);

const begun = write<{ id: string; storeId: string }, never>(
  "uploads.begun",
  "update uploads set store_id = :storeId where id = :id",
);

const touch = write<{ userId: string; id: string; ttlSeconds: number }, UploadRow>(
  "uploads.touch",
  `update uploads set expires_at = now() + make_interval(secs => :ttlSeconds)
  where id = :id and user_id = :userId and store_id is not null
    and expires_at > now()::timestamptz(3)
  returning ${columns}`,
);

const claimCheck = write<{ id: string; leaseSeconds: number }, { id: string }>(
  "uploads.claimCheck",
  `update uploads set checking_until = now() + make_interval(secs => :leaseSeconds)
  where id = :id and (checking_until is null or checking_until <= now()::timestamptz(3))
  returning id`,
);

const extendCheck = write<{ id: string; leaseSeconds: number }, never>(
  "uploads.extendCheck",
  "update uploads set checking_until = now() + make_interval(secs => :leaseSeconds) where id = :id",
);

const deleteUpload = write<{ id: string }, never>(
  "uploads.delete",
  "delete from uploads where id = :id",
);

const expired = read<{ limit: number }, UploadRow>(
  "uploads.expired",
  `select ${columns} from uploads
  where expires_at <= now()::timestamptz(3)
    and (checking_until is null or checking_until <= now()::timestamptz(3))
  order by expires_at limit :limit`,
);
