import { readFileSync } from "node:fs";
import { DatabaseError } from "../errors.ts";

/** The user of the operating system that Postgres runs as. */
export type Account = { uid: number; gid: number };

const accountName = "postgres";

/**
 * Postgres refuses to run as root, so that a root process starts it as another user: the owner of
 * the data if there are any, else the system's `postgres` user, which is made where there is none.
 *
 * @param dataOwner who owns the existing data directory.
 * @returns null if Postgres can run as this process does.
 */
export async function findAccount(dataOwner: Account | null): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  if (dataOwner && dataOwner.uid !== 0) return dataOwner;
  const found = lookUp(accountName);
  if (found) return found;
  await createAccount();
  const created = lookUp(accountName);
  if (created) return created;
  throw new DatabaseError(
    "embedded_start",
    `Postgres does not run as root, and no user "${accountName}" could be made: start as another user, make one with "useradd --system ${accountName}", or set DATABASE_URL`,
  );
}

function lookUp(name: string): Account | null {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([user]) => user === name);
  const [uid, gid] = [Number(entry?.[2]), Number(entry?.[3])];
  return uid > 0 && gid > 0 ? { uid, gid } : null;
}

/** Ends in silence if it cannot: the caller looks whether the user is there. */
async function createAccount(): Promise<void> {
  const useradd = Bun.which("useradd", { PATH: "/usr/sbin:/sbin:/usr/bin:/bin" });
  if (!useradd) return;
  const options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"];
  await Bun.spawn([useradd, ...options, accountName], { stdout: "ignore", stderr: "ignore" })
    .exited;
}
