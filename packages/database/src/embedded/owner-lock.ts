import { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseError } from "../errors.ts";

export type OwnerLock = { release(): void };

/**
 * Makes this process the one that may start Postgres on a directory, until it releases the lock or
 * ends, in whatever way: the lock is the kernel's and so is never stale. SQLite's exclusive
 * transaction on an empty file is the portable way to it that Bun brings along. The file beside it
 * only tells whom to name to the next one who tries.
 */
export function lockDirectory(directory: string): OwnerLock {
  const ownerFile = join(directory, "owner.pid");
  const lock = new Database(join(directory, "owner.lock"));
  try {
    lock.run("pragma busy_timeout = 0");
    lock.run("begin exclusive");
  } catch (cause) {
    lock.close();
    throw new DatabaseError(
      "directory_in_use",
      `${directory} is in use by process ${readOwner(ownerFile)}: stop that one first, or give this one another DATA_DIR`,
      { cause },
    );
  }
  writeFileSync(ownerFile, `${process.pid}\n`);
  return { release: () => lock.close() };
}

function readOwner(ownerFile: string): string {
  try {
    return readFileSync(ownerFile, "utf8").trim();
  } catch {
    return "(unknown)";
  }
}
