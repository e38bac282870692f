import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAccount } from "../embedded/account.ts";
import type { TestPostgres } from "./index.ts";
import { untilReachable } from "./until-reachable.ts";

const binaries = "/usr/lib/postgresql/15/bin";

export type Standby = TestPostgres & {
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
};

/** Starts a copy of Debian's Postgres that follows it by streaming replication. */
export async function startStandby(primary: TestPostgres): Promise<Standby> {
  const account = await findAccount(null);
  const directory = mkdtempSync(join(tmpdir(), "peregrine-standby-"));
  if (account) chownSync(directory, account.uid, account.gid);
  const as = { ...account, cwd: directory, stdin: "ignore", stdout: "ignore" } as const;
  const data = join(directory, "data");
  const source = decodeURIComponent(new URL(primary.url).hostname);
  const copy = Bun.spawn(
    [
      join(binaries, "pg_basebackup"),
      ...["-h", source, "-U", "peregrine", "-D", data, "-R", "-X", "stream", "-c", "fast"],
      "--no-sync",
    ],
    { ...as, stderr: "inherit" },
  );
  if ((await copy.exited) !== 0) throw new Error("pg_basebackup failed");
  const settings = ["fsync=off", "listen_addresses=", `unix_socket_directories=${directory}`];
  const server = Bun.spawn(
    [join(binaries, "postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    { ...as, stderr: Bun.file(join(directory, "log")) },
  );
  const end = () => {
    server.kill("SIGQUIT");
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", end);
  const url = primary.url.replace(encodeURIComponent(source), encodeURIComponent(directory));
  await untilReachable(url);
  const stopBy = async (signal: NodeJS.Signals) => {
    process.off("exit", end);
    server.kill(signal);
    await server.exited;
    rmSync(directory, { recursive: true, force: true });
  };
  return { url, stop: () => stopBy("SIGINT"), kill: () => stopBy("SIGQUIT") };
}
