import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Account } from "./account.ts";
import { findBarrier } from "./reach.ts";

/** Who owns the data in a directory; null if there are none yet. */
export function findDataOwner(directory: string): Account | null {
  const data = join(directory, "data");
  if (!existsSync(data)) return null;
  const { uid, gid } = statSync(data);
  return { uid, gid };
}

/**
 * Makes the directory that holds everything of one embedded Postgres, so that `account` can get to
 * it. Where it cannot, since the directory is below root's home, the files live in
 * `sharedDirectory` and the directory is a link to them.
 *
 * @returns where the files are.
 */
export function preparePlace(
  directory: string,
  account: Account | null,
  sharedDirectory: string,
): string {
  const wanted = resolve(directory);
  const linked = readLink(wanted);
  if (linked !== null) {
    own(linked, account);
    return linked;
  }
  mkdirSync(dirname(wanted), { recursive: true });
  const barrier = account && findBarrier(dirname(wanted), account);
  if (barrier === null) {
    own(wanted, account);
    return wanted;
  }
  if (existsSync(join(wanted, "data"))) {
    throw new DatabaseError(
      "embedded_start",
      `Postgres runs as user ${account?.uid}, who may not pass ${barrier} to get to the data in ${wanted}: move the DATA_DIR to a place such as /srv/peregrine, or allow passing with "chmod o+x ${barrier}"`,
    );
  }
  const elsewhere = join(sharedDirectory, `data-${newId()}`);
  mkdirSync(sharedDirectory, { recursive: true, mode: 0o755 });
  own(elsewhere, account);
  rmSync(wanted, { recursive: true, force: true });
  symlinkSync(elsewhere, wanted);
  return elsewhere;
}

function readLink(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSymbolicLink() ? resolve(dirname(path), readlinkSync(path)) : null;
}

function own(directory: string, account: Account | null): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (account) chownSync(directory, account.uid, account.gid);
  } catch (cause) {
    throw new DatabaseError("embedded_start", `${directory} cannot be made`, { cause });
  }
  const { uid } = statSync(directory);
  const wanted = account?.uid ?? process.getuid?.();
  if (uid !== wanted) {
    throw new DatabaseError(
      "embedded_start",
      `${directory} belongs to user ${uid}, and this is user ${wanted}: start as that user or as root, or set another DATA_DIR`,
    );
  }
}
