import { realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Account } from "./account.ts";

/**
 * The first directory, from the root to the one named, that an account may not pass; null if it can
 * open what is in there. Goes by owner, group and mode of each directory; of access control lists it knows nothing.
 */
export function findBarrier(directory: string, account: Account): string | null {
  const given = resolve(directory);
  for (const way of new Set([given, realpathSync(given)])) {
    for (const step of steps(way)) {
      const { uid, gid, mode } = statSync(step);
      const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return step;
    }
  }
  return null;
}

/** "/", "/srv" and "/srv/peregrine" for "/srv/peregrine". */
function steps(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...steps(parent), path];
}
