import { type Run, read, write } from "../statement.ts";

/** Finds what nobody wants any more, and where the database and the store of files differ. */
export function fileSweepQueries(run: Run) {
  return {
    /**
     * Private files older than `olderThanSeconds` that no message has, in the order of their ids.
     * @param after the id behind which to go on
     */
    async unattached(after: string, olderThanSeconds: number, limit: number) {
      const rows = await run(unattached, { after, olderThanSeconds, limit });
      return rows.map((row) => ({ id: row.id, userId: row.user_id }));
    },

    /** Those of these objects that no file has, no upload is making and no removal names. */
    async unknownObjects(objectKeys: string[]): Promise<string[]> {
      return (await run(unknownObjects, { objectKeys })).map((row) => row.object_key);
    },

    /** Has an object removed that belongs to no file. */
    async removeObject(id: string, objectKey: string): Promise<void> {
      await run(removeObject, { id, objectKey });
    },

    /** Where files have their objects, in the order of their owners and ids. */
    async objects(after: { userId: string; id: string }, limit: number) {
      const rows = await run(objects, { afterUserId: after.userId, afterId: after.id, limit });
      return rows.map((row) => ({ id: row.id, userId: row.user_id, objectKey: row.object_key }));
    },
  };
}

const unattached = read<
  { after: string; olderThanSeconds: number; limit: number },
  { id: string; user_id: string }
>(
  "fileSweeps.unattached",
  `select id, user_id from files
  where id > :after and not is_public
    and created_at <= (now() - make_interval(secs => :olderThanSeconds))::timestamptz(3)
    and not exists (select 1 from message_files where file_id = files.id)
  order by id limit :limit`,
);

const unknownObjects = read<{ objectKeys: string[] }, { object_key: string }>(
  "fileSweeps.unknownObjects",
  `select object_key from unnest(:objectKeys::text[]) as found (object_key)
  where not exists (select 1 from files where files.object_key = found.object_key)
    and not exists (select 1 from uploads where uploads.object_key = found.object_key)
    and not exists (select 1 from file_removals where file_removals.object_key = found.object_key)`,
);

const removeObject = write<{ id: string; objectKey: string }, never>(
  "fileSweeps.removeObject",
  "insert into file_removals (id, object_key, due_at) values (:id, :objectKey, now())",
);

const objects = read<
  { afterUserId: string; afterId: string; limit: number },
  { id: string; user_id: string; object_key: string }
>(
  "fileSweeps.objects",
  `select id, user_id, object_key from files where (user_id, id) > (:afterUserId::uuid, :afterId::uuid)
  order by user_id, id limit :limit`,
);
