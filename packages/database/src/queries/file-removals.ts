import { iso } from "../moments.ts";
import { only, type Run, read, write } from "../statement.ts";

/** Removals that go out together. Sent again after a failure, they are the same ones. */
export type RemovalBatch = {
  id: string;
  removals: {
    fileId: string;
    objectKey: string;
    /** Whether another file still has the object: then its addresses go, and it stays. */
    isShared: boolean;
    /** In hexadecimal, where everybody could have the file under it. */
    publicHash: string | null;
  }[];
};

/** What waits to be removed, for whoever runs the installation. */
export type RemovalState = {
  waiting: number;
  /** Of those, how many failed at least once. */
  failing: number;
  oldestSince: string | null;
  lastError: string | null;
};

/** The removals of files from the store and from caches, until they are through. */
export function fileRemovalQueries(run: Run) {
  return {
    /**
     * Takes up to 100 removals that are due; no other server takes them for `leaseSeconds`.
     * @returns null if none is due
     */
    async claim(batchId: string, leaseSeconds: number): Promise<RemovalBatch | null> {
      const rows = await run(claim, { batchId, leaseSeconds });
      const [first] = rows;
      if (!first) return null;
      return {
        id: first.batch,
        removals: rows.map((row) => ({
          fileId: row.file_id,
          objectKey: row.object_key,
          isShared: row.is_shared,
          publicHash: row.public_hash,
        })),
      };
    },

    /** They are through; those of which caches are to be told once more come again after `seconds`. */
    async finish(batchId: string, seconds: number): Promise<void> {
      await run(finish, { batchId, seconds });
    },

    /** They are to be tried again. */
    async postpone(batchId: string, seconds: number, error: string | null): Promise<void> {
      await run(postpone, { batchId, seconds, error });
    },

    async state(): Promise<RemovalState> {
      const row = only(await run(state, {}));
      return {
        waiting: row.waiting,
        failing: row.failing,
        oldestSince: row.oldest ? iso(row.oldest) : null,
        lastError: row.last_error,
      };
    },
  };
}

/**
 * Moments are kept rounded to the millisecond, perhaps upward, and so is what they are compared with.
 *
 * A batch that was made before comes as a whole; otherwise removals without one make a new batch.
 * Whether an object is shared can be told from this statement's snapshot: a file comes to share an
 * object only by way of another file that has it.
 */
const claim = write<
  { batchId: string; leaseSeconds: number },
  {
    file_id: string;
    object_key: string;
    batch: string;
    is_shared: boolean;
    public_hash: string | null;
  }
>(
  "fileRemovals.claim",
  `with next as (
    select batch from file_removals where due_at <= now()::timestamptz(3) order by due_at limit 1
  ),
  due as (
    select file_removals.id
    from file_removals join next on file_removals.batch is not distinct from next.batch
    where due_at <= now()::timestamptz(3)
    order by due_at limit 100
    for update of file_removals skip locked
  )
  update file_removals set batch = coalesce(batch, :batchId::uuid),
    due_at = now() + make_interval(secs => :leaseSeconds)
  from due
  where file_removals.id = due.id
  returning coalesce(file_removals.file_id, file_removals.id) as file_id, file_removals.object_key,
    file_removals.batch, encode(file_removals.public_hash, 'hex') as public_hash, exists (
      select 1 from files where files.object_key = file_removals.object_key
    ) as is_shared`,
);

/** Those that come again have no batch, and so a reference of their own, and are another purge. */
const finish = write<{ batchId: string; seconds: number }, never>(
  "fileRemovals.finish",
  `with again as (
    update file_removals set purges_left = purges_left - 1, batch = null, attempts = 0,
      last_error = null, due_at = now() + make_interval(secs => :seconds)
    where batch = :batchId and purges_left > 0
  )
  delete from file_removals where batch = :batchId and purges_left = 0`,
);

const postpone = write<{ batchId: string; seconds: number; error: string | null }, never>(
  "fileRemovals.postpone",
  `update file_removals set due_at = now() + make_interval(secs => :seconds),
    attempts = attempts + case when :error::text is null then 0 else 1 end, last_error = :error
  where batch = :batchId`,
);

const state = read<
  Record<never, never>,
  { waiting: number; failing: number; oldest: Date | null; last_error: string | null }
>(
  "fileRemovals.state",
  `select count(*)::int as waiting, count(last_error)::int as failing, min(due.created_at) as oldest,
    (array_agg(last_error order by due_at desc) filter (where last_error is not null))[1]
      as last_error
  from file_removals as due where batch is not null or due_at <= now()::timestamptz(3)`,
);
