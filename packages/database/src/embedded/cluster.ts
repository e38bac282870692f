import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chownSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseError } from "../errors.ts";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { renderSettings } from "./settings.ts";

export const databaseName = "peregrine";
export const userName = "peregrine";

/**
 * Makes the database files in `<place>/data` unless they are there, and writes the settings.
 *
 * They are made beside and renamed when whole, so that a first start that is cut off begins again.
 * The locale is C.UTF-8 of Postgres itself: the same order of texts on every machine, so that no
 * update of the operating system can spoil an index.
 *
 * @returns the password of the one user, kept in a file that only the account can read.
 */
export async function prepareCluster(
  place: string,
  binaries: Binaries,
  account: Account | null,
  settings: Record<string, string>,
): Promise<{ password: string; created: boolean }> {
  const data = join(place, "data");
  const passwordFile = join(place, "password");
  const created = !existsSync(data);
  if (created) {
    writeOwned(passwordFile, randomBytes(32).toString("base64url"), account);
    await create(place, binaries, account, passwordFile);
  }
  const major = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  if (major !== binaries.major) {
    throw new DatabaseError(
      "unsupported_version",
      `the data in ${data} are of Postgres ${major}, and this Peregrine brings Postgres ${binaries.major}: dump them with the version they are of and load them into a new DATA_DIR`,
    );
  }
  writeOwned(join(data, "peregrine.conf"), renderSettings(settings), account);
  return { password: readFileSync(passwordFile, "utf8").trim(), created };
}

async function create(
  place: string,
  binaries: Binaries,
  account: Account | null,
  passwordFile: string,
): Promise<void> {
  const part = join(place, "data.part");
  rmSync(part, { recursive: true, force: true });
  const locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  await run("initdb", account, [
    binaries.initdb,
    `--pgdata=${part}`,
    `--username=${userName}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--data-checksums",
    "--locale=C",
    ...locale,
    // All is flushed once, at the end of the next step.
    "--no-sync",
  ]);
  appendFileSync(join(part, "postgresql.conf"), "\ninclude_if_exists = 'peregrine.conf'\n");
  // In single-user mode, so that no half-made server ever listens.
  await run(
    "creating the database",
    account,
    [binaries.postgres, "--single", "-D", part, "postgres"],
    `create database ${databaseName}\n`,
  );
  await run("initdb --sync-only", account, [binaries.initdb, "--sync-only", `--pgdata=${part}`]);
  renameSync(part, join(place, "data"));
}

async function run(
  what: string,
  account: Account | null,
  command: string[],
  input?: string,
): Promise<void> {
  const child = Bun.spawn(command, {
    ...account,
    cwd: "/",
    env: { LC_ALL: "C" },
    stdin: input === undefined ? "ignore" : new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, out, error] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code === 0) return;
  throw new DatabaseError(
    "embedded_start",
    `${what} failed with code ${code}: ${(error || out).trim().split("\n").slice(-3).join(" ")}`,
  );
}

function writeOwned(path: string, text: string, account: Account | null): void {
  writeFileSync(path, text, { mode: 0o600 });
  if (account) chownSync(path, account.uid, account.gid);
}
