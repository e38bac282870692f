import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseError } from "../errors.ts";

const pollMs = 5;

/** The process named in a data directory's postmaster.pid and whether it takes connections. */
export function readPidFile(data: string): { pid: number; ready: boolean } | null {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(lines[0]), ready: lines[7]?.trim() === "ready" };
  } catch {
    return null;
  }
}

/**
 * Ends a Postgres that an earlier owner of the data directory left behind when it was killed. The
 * caller holds the owner's lock, so nobody else uses it. Starting our own costs 30 ms, and then
 * binaries and settings are surely ours; so it is not adopted.
 *
 * The pid files of a Postgres that is gone are removed if there still is a process of that number: another
 * one by now, as happens in containers, or a zombie. Postgres itself would refuse to start. If
 * there is none, they are left to Postgres, which then looks for left-overs in shared memory, too.
 *
 * @returns the pids that were ended.
 */
export async function endOrphans(data: string): Promise<number[]> {
  const named = readPidFile(data);
  if (!named) return [];
  const found = postgresIn(data, named.pid);
  if (found.includes(named.pid)) {
    // Fast shutdown first; an immediate one, which needs recovery, if that hangs.
    const gone = await endAll([named.pid], "SIGINT", 10_000);
    if (!gone) await endAll([named.pid], "SIGQUIT", 5_000);
  }
  const left = postgresIn(data, named.pid);
  if (left.length > 0) {
    const gone = (await endAll(left, "SIGQUIT", 2_000)) || (await endAll(left, "SIGKILL", 5_000));
    if (!gone) {
      throw new DatabaseError(
        "directory_in_use",
        `processes ${left.join(", ")} of an earlier Postgres on ${data} cannot be ended`,
      );
    }
  }
  if (readPidFile(data)?.pid === named.pid && exists(named.pid)) {
    for (const file of ["postmaster.pid", "../.s.PGSQL.5432.lock"]) {
      rmSync(join(data, file), { force: true });
    }
  }
  return found;
}

/** Waits for a process that is not our child. */
async function endAll(
  pids: number[],
  signal: "SIGINT" | "SIGQUIT" | "SIGKILL",
  timeoutMs: number,
): Promise<boolean> {
  for (const pid of pids) send(pid, signal);
  const deadline = performance.now() + timeoutMs;
  while (pids.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(pollMs);
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, or not ours to end: the wait tells which.
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A zombie exists, but its files are closed. */
function isAlive(pid: number): boolean {
  return exists(pid) && !/^State:\s+Z/m.test(readProc(pid, "status"));
}

/** All processes of a Postgres on this directory: each has it as its working directory. */
function postgresIn(data: string, named: number): number[] {
  if (process.platform !== "linux") return isPostgresByPs(data, named) ? [named] : [];
  const real = realpathSync(data);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === real && /^postgres/.test(readProc(pid, "comm"));
      } catch {
        return false;
      }
    });
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

function isPostgresByPs(data: string, pid: number): boolean {
  const { stdout } = Bun.spawnSync(["/bin/ps", "-p", String(pid), "-o", "command="]);
  const command = stdout.toString();
  return command.includes("postgres") && command.includes(data);
}
