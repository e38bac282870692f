import type { FileInfo } from "@peregrine/protocol";
import { newId } from "../ids.ts";
import { iso } from "../moments.ts";
import { type Run, read, write } from "../statement.ts";

/** A file as it is kept: what is told of it, whose it is, and where its bytes are. */
export type StoredFile = Omit<FileInfo, "visibility" | "publicUrl"> & {
  userId: string;
  /** SHA-256 of the content, in hexadecimal. */
  hash: string;
  objectKey: string;
  /** Whether everybody may have it who knows its hash. */
  isPublic: boolean;
};

export type NewFile = {
  id: string;
  userId: string;
  name: string;
  mediaType: string;
  sizeBytes: number;
  hash: Uint8Array;
  objectKey: string;
  /** The text that was taken from it, if it has any. */
  document: { id: string; content: string; isCut: boolean } | null;
};

type FileRow = {
  id: string;
  user_id: string;
  name: string;
  media_type: string;
  size_bytes: number;
  hash: string;
  object_key: string;
  is_public: boolean;
  has_text: boolean;
  created_at: Date;
};

/** `size_bytes` as a number that the driver does not turn into text. */
const fileColumns = `id, user_id, name, media_type, size_bytes::float8 as size_bytes,
    encode(hash, 'hex') as hash, object_key, is_public, created_at`;

function toFile(row: FileRow): StoredFile {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    hash: row.hash,
    objectKey: row.object_key,
    isPublic: row.is_public,
    hasText: row.has_text,
    createdAt: iso(row.created_at),
  };
}

/**
 * One user's files. The row of a file and its object in the store cannot change in one step, so
 * each way round leaves a removal behind until both are through: an object is announced as to be
 * removed before it is stored, and its row takes that back; a row that is deleted leaves the removal
 * of its object. A crash at any point leaves at worst a removal, never a row without an object.
 */
export function fileQueries(run: Run) {
  return {
    /**
     * Another file with the content of one that the user has, which shares its object and its text.
     * @returns null if there is none
     */
    async createFromSame(file: {
      id: string;
      documentId: string;
      userId: string;
      name: string;
      hash: Uint8Array;
    }): Promise<StoredFile | null> {
      const [row] = await run(createFromSame, file);
      return row ? toFile(row) : null;
    },

    /**
     * Announces an object: unless `create` takes it up in time, it is removed. Announced again, it
     * is given as long again.
     */
    async announce(object: { id: string; objectKey: string; withinSeconds: number }) {
      await run(announce, object);
    },

    /** @returns null if the announcement has lapsed, and the object may be gone */
    async create({ document, ...file }: NewFile): Promise<StoredFile | null> {
      const [row] = await run(create, {
        ...file,
        documentId: document?.id ?? null,
        content: document?.content ?? null,
        isCut: document?.isCut ?? false,
      });
      return row ? toFile(row) : null;
    },

    async get(userId: string, id: string): Promise<StoredFile | null> {
      const [row] = await run(getFile, { userId, id });
      return row ? toFile(row) : null;
    },

    /** Whoever it belongs to: for who was given a signed address. */
    async getOfAnyone(id: string): Promise<StoredFile | null> {
      const [row] = await run(getFileOfAnyone, { id });
      return row ? toFile(row) : null;
    },

    /** One of the files with this content that their owners let everybody have. */
    async getPublic(hash: Uint8Array): Promise<StoredFile | null> {
      const [row] = await run(getPublicFile, { hash });
      return row ? toFile(row) : null;
    },

    /**
     * Lets everybody have the file, or no longer: then caches are to forget it from now on.
     * @returns null if the user has no such file
     */
    async setPublic(userId: string, id: string, isPublic: boolean): Promise<StoredFile | null> {
      const [row] = await run(setPublic, { userId, id, isPublic, removalId: newId() });
      return row ? toFile(row) : null;
    },

    /** The conversations in which it is attached to a message. */
    async conversationsOf(userId: string, id: string): Promise<string[]> {
      return (await run(conversationsOf, { userId, id })).map((row) => row.conversation_id);
    },

    /** Deletes the file with its text; its object is to be removed from now on. */
    async delete(userId: string, id: string): Promise<boolean> {
      return (await run(deleteFile, { userId, id })).length > 0;
    },

    /** Deletes the file likewise, unless a message has it or it is public. */
    async deleteUnattached(userId: string, id: string): Promise<boolean> {
      return (await run(deleteUnattached, { userId, id })).length > 0;
    },
  };
}

const createFromSame = write<
  { id: string; documentId: string; userId: string; name: string; hash: Uint8Array },
  FileRow
>(
  "files.createFromSame",
  // The lock keeps the other file, and so the object, until this one is there.
  `with same as (
    select * from files where user_id = :userId and hash = :hash limit 1 for key share
  ),
  made as (
    insert into files (id, user_id, name, media_type, size_bytes, hash, object_key)
    select :id, user_id, :name, media_type, size_bytes, hash, object_key from same
    returning *
  ),
  read as (
    insert into documents (id, user_id, file_id, title, content, metadata)
    select :documentId, documents.user_id, :id, :name, documents.content, documents.metadata
    from documents join same on same.id = documents.file_id
    returning 1
  )
  select ${fileColumns}, exists (select 1 from read) as has_text from made`,
);

const announce = write<{ id: string; objectKey: string; withinSeconds: number }, never>(
  "files.announce",
  `insert into file_removals (id, object_key, due_at)
  values (:id, :objectKey, now() + make_interval(secs => :withinSeconds))
  on conflict (id) do update set due_at = excluded.due_at where file_removals.batch is null`,
);

const create = write<
  Omit<NewFile, "document"> & {
    documentId: string | null;
    content: string | null;
    isCut: boolean;
  },
  FileRow
>(
  "files.create",
  `with announced as (
    delete from file_removals where id = :id and attempts = 0 and batch is null returning 1
  ),
  made as (
    insert into files (id, user_id, name, media_type, size_bytes, hash, object_key)
    select :id, :userId, :name, :mediaType, :sizeBytes, :hash, :objectKey from announced
    returning *
  ),
  read as (
    insert into documents (id, user_id, file_id, title, content, metadata)
    select :documentId::uuid, made.user_id, made.id, made.name, :content,
      json_build_object('isCut', :isCut::boolean)
    from made where :content::text is not null
    returning 1
  )
  select ${fileColumns}, exists (select 1 from read) as has_text from made`,
);

const hasText = "exists (select 1 from documents where file_id = files.id) as has_text";

const getFile = read<{ userId: string; id: string }, FileRow>(
  "files.get",
  `select ${fileColumns}, ${hasText} from files where id = :id and user_id = :userId`,
);

const getFileOfAnyone = read<{ id: string }, FileRow>(
  "files.getOfAnyone",
  `select ${fileColumns}, ${hasText} from files where id = :id`,
);

const conversationsOf = read<{ userId: string; id: string }, { conversation_id: string }>(
  "files.conversationsOf",
  `select distinct messages.conversation_id
  from message_files join messages on messages.id = message_files.message_id
  where message_files.file_id = :id and messages.user_id = :userId`,
);

const getPublicFile = read<{ hash: Uint8Array }, FileRow>(
  "files.getPublic",
  `select ${fileColumns}, ${hasText} from files where hash = :hash and is_public order by id limit 1`,
);

/** An answer may be on its way to a cache while the caches are told: they are told once more. */
const setPublic = write<
  { userId: string; id: string; isPublic: boolean; removalId: string },
  FileRow
>(
  "files.setPublic",
  `with before as (
    select id, is_public as was_public from files where id = :id and user_id = :userId for update
  ),
  changed as (
    update files set is_public = :isPublic from before where files.id = before.id
    returning files.*, before.was_public
  ),
  purged as (
    insert into file_removals (id, file_id, object_key, public_hash, purges_left, due_at)
    select :removalId::uuid, id, object_key, hash, 1, now() from changed
    where was_public and not is_public
  )
  select ${fileColumns},
    exists (select 1 from documents where file_id = changed.id) as has_text
  from changed`,
);

const remove = `insert into file_removals (id, object_key, public_hash, purges_left, due_at)
  select id, object_key, case when is_public then hash end, is_public::int, now() from deleted
  returning 1 as deleted`;

const deleteFile = write<{ userId: string; id: string }, { deleted: number }>(
  "files.delete",
  `with deleted as (delete from files where id = :id and user_id = :userId returning *) ${remove}`,
);

/**
 * The lock passes over a file that is being attached just now. One that was attached between this
 * statement's beginning and its lock would be lost: microseconds, in the life of a file that nobody
 * wanted for days.
 */
const deleteUnattached = write<{ userId: string; id: string }, { deleted: number }>(
  "files.deleteUnattached",
  `with unattached as (
    select id from files
    where id = :id and user_id = :userId and not is_public
      and not exists (select 1 from message_files where file_id = files.id)
    for update skip locked
  ),
  deleted as (delete from files using unattached where files.id = unattached.id returning files.*)
  ${remove}`,
);
