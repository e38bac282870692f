import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { databaseName, userName } from "./cluster.ts";
import { readPidFile } from "./orphans.ts";

/**
 * How to reach the embedded Postgres that another process runs on a directory, for programs beside
 * the server. The caller needs the right to read its password.
 *
 * @returns null where none is running.
 */
export function findEmbeddedPostgres(directory: string): string | null {
  const place = resolve(directory);
  const data = join(place, "data");
  const found = readPidFile(data);
  if (!found?.ready || !isRunning(found.pid)) return null;
  const [, , , port, socketDirectory] = readFileSync(join(data, "postmaster.pid"), "utf8").split(
    "\n",
  );
  const password = readFileSync(join(place, "password"), "utf8").trim();
  const host = socketDirectory?.trim() ? encodeURIComponent(socketDirectory.trim()) : "127.0.0.1";
  return `postgres://${userName}:${password}@${host}:${port?.trim()}/${databaseName}`;
}

function isRunning(pid: number): boolean {
  if (existsSync("/proc/self")) return existsSync(`/proc/${pid}`);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
