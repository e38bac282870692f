import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAccount } from "../embedded/account.ts";
import type { TestPostgres } from "./index.ts";
import { untilReachable } from "./until-reachable.ts";

const binaries = "/usr/lib/postgresql/15/bin";

/** Debian's Postgres 15: the oldest that tests run on. With HypoPG, which the embedded one lacks. */
export const hasDebianPostgres = existsSync(join(binaries, "postgres"));

/** Starts it in a new directory, reached by a socket there. A crash of the machine loses its data. */
export async function startDebianPostgres(): Promise<TestPostgres> {
  const account = await findAccount(null);
  const directory = mkdtempSync(join(tmpdir(), "peregrine-pg15-"));
  if (account) chownSync(directory, account.uid, account.gid);
  const as = { ...account, cwd: directory, stdin: "ignore", stdout: "ignore" } as const;
  const data = join(directory, "data");
  const made = Bun.spawn(
    [
      join(binaries, "initdb"),
      "-D",
      data,
      "-U",
      "peregrine",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--no-sync",
      "--locale=C.UTF-8",
    ],
    { ...as, stderr: "inherit" },
  );
  if ((await made.exited) !== 0) throw new Error("initdb failed");
  const settings = [
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_preload_libraries=pg_stat_statements",
    "listen_addresses=",
    `unix_socket_directories=${directory}`,
  ];
  const server = Bun.spawn(
    [join(binaries, "postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    { ...as, stderr: Bun.file(join(directory, "log")) },
  );
  const end = () => {
    server.kill("SIGQUIT");
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", end);
  const url = `postgres://peregrine@${encodeURIComponent(directory)}:5432/postgres`;
  await untilReachable(url);
  return {
    url,
    async stop() {
      process.off("exit", end);
      server.kill("SIGINT");
      await server.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
