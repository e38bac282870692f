import { Database, SQLiteError } from "bun:sqlite";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseError } from "../errors.ts";
import type { Account } from "./account.ts";

export type OwnerLock = { release(): void };

/**
 * Makes this process the one that may start Postgres on a directory, until it releases the lock or
 * ends, in whatever way: the lock is the kernel's and so is never stale. SQLite's exclusive
 * transaction on an empty file is the portable way to it that Bun brings along. The file beside it
 * only tells whom to name to the next one who tries.
 */
export function lockDirectory(directory: string, account: Account | null): OwnerLock {
  const lockFile = join(directory, "owner.lock");
  const ownerFile = join(directory, "owner.pid");
  let lock: Database | undefined;
  try {
    lock = new Database(lockFile);
    lock.run("pragma busy_timeout = 0");
    lock.run("begin exclusive");
    writeFileSync(ownerFile, `${process.pid}\n`);
    if (account) {
      for (const file of [lockFile, ownerFile]) chownSync(file, account.uid, account.gid);
    }
  } catch (cause) {
    lock?.close();
    if (!(cause instanceof SQLiteError) || cause.code !== "SQLITE_BUSY") {
      throw new DatabaseError("embedded_start", `cannot write to ${directory}`, { cause });
    }
    throw new DatabaseError(
      "directory_in_use",
      `${directory} is in use by process ${readOwner(ownerFile)}: stop that one first, or give this one another DATA_DIR`,
      { cause },
    );
  }
  const held = lock;
  return { release: () => held.close() };
}

function readOwner(ownerFile: string): string {
  try {
    return readFileSync(ownerFile, "utf8").trim();
  } catch {
    return "(unknown)";
  }
}
