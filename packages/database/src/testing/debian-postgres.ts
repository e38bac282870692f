import { existsSync } from "node:fs";
import { join } from "node:path";
import { debianBinaries, startDebianServer } from "./debian-server.ts";
import type { TestPostgres } from "./index.ts";

/** Debian's Postgres 15: the oldest that tests run on. With HypoPG, which the embedded one lacks. */
export const hasDebianPostgres = existsSync(join(debianBinaries, "postgres"));

/** Starts it in a new directory, reached by a socket there. */
export async function startDebianPostgres(): Promise<TestPostgres> {
  const { directory, end } = await startDebianServer(
    (data) => [
      ...(["initdb", "-D", data, "-U", "peregrine", "-A", "trust"] as const),
      ...["-E", "UTF8", "--no-sync", "--locale=C.UTF-8"],
    ],
    ["full_page_writes=off", "autovacuum=off", "shared_preload_libraries=pg_stat_statements"],
  );
  const url = `postgres://peregrine@${encodeURIComponent(directory)}:5432/postgres`;
  return { url, stop: () => end("SIGINT") };
}
