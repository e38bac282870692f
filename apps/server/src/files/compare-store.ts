import type { FileStore } from "@peregrine/cdn";
import type { Database } from "@peregrine/database";
import type { Differences } from "@peregrine/protocol";

type StoredAt = { id: string; userId: string; objectKey: string };

type Options = {
  signal: AbortSignal;
  now: number;
  /** An object that belongs to nothing we know of. */
  stray(objectKey: string): Promise<void>;
  /** Looks at a file again, which may have been deleted meanwhile. */
  isStillMissing(file: StoredAt): Promise<boolean>;
  /** A file of which the object is gone. */
  missing(file: StoredAt): void;
};

const atOnce = 500;
/** Whoever brings back the database of some days ago loses nothing of what came since at once. */
const strayAfterMs = 7 * 86_400_000;
const firstId = "00000000-0000-7000-8000-000000000000";

/**
 * Compares the store with the database, both ways. It holds 500 objects, or those of one person, in
 * memory at a time.
 *
 * An object is a stray one if no file, upload or removal names it and it is a week old, as the id in
 * its key tells. Files without their object are only told of: to delete them would make an empty
 * directory, or a bucket that was mistyped in the settings, the end of all files.
 */
export async function compareStore(
  store: FileStore,
  rows: Database["fileSweeps"],
  { signal, now, stray, isStillMissing, missing }: Options,
): Promise<Differences> {
  const differences = { strayObjects: 0, foreignObjects: 0, missingObjects: 0 };

  let batch: string[] = [];
  const look = async () => {
    signal.throwIfAborted();
    for (const objectKey of await rows.unknownObjects(batch)) {
      await stray(objectKey);
      differences.strayObjects++;
    }
    batch = [];
  };
  for await (const { key } of store.list("files/")) {
    const madeAtMs = whenMade(key);
    if (madeAtMs === null) differences.foreignObjects++;
    else if (madeAtMs < now - strayAfterMs) batch.push(key);
    if (batch.length >= atOnce) await look();
  }
  if (batch.length > 0) await look();

  let after = { userId: firstId, id: firstId };
  let owner = "";
  let objects = new Set<string>();
  for (;;) {
    signal.throwIfAborted();
    const files = await rows.objects(after, atOnce);
    for (const file of files) {
      if (file.userId !== owner) {
        owner = file.userId;
        objects = await keysOf(store, `files/${owner}/`);
      }
      if (objects.has(file.objectKey) || !(await isStillMissing(file))) continue;
      missing(file);
      differences.missingObjects++;
    }
    const last = files.at(-1);
    if (!last) return differences;
    after = last;
  }
}

/** By the UUIDv7 at the key's end, which begins with the milliseconds since 1970. */
function whenMade(key: string): number | null {
  const id = /^files\/[^/]+\/[^/]+\/([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f-]{21}$/.exec(key);
  return id ? Number.parseInt(`${id[1]}${id[2]}`, 16) : null;
}

async function keysOf(store: FileStore, prefix: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { key } of store.list(prefix)) keys.add(key);
  return keys;
}
