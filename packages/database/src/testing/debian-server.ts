import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAccount } from "../embedded/account.ts";
import { untilReachable } from "./until-reachable.ts";

export const debianBinaries = "/usr/lib/postgresql/15/bin";

export type DebianServer = {
  /** The directory of its socket. */
  directory: string;
  /** @param signal how: SIGINT in order, SIGQUIT as a power cut would */
  end(signal: NodeJS.Signals): Promise<void>;
};

/**
 * Makes the data of a Postgres 15 by a program of Debian's, and serves them by a socket beside them.
 * A crash of the machine loses them.
 *
 * @param make the program and its arguments, given where the data are to be
 */
export async function startDebianServer(
  make: (data: string) => [program: string, ...args: string[]],
  settings: string[],
): Promise<DebianServer> {
  const account = await findAccount(null);
  const directory = mkdtempSync(join(tmpdir(), "peregrine-pg15-"));
  if (account) chownSync(directory, account.uid, account.gid);
  const as = { ...account, cwd: directory, stdin: "ignore", stdout: "ignore" } as const;
  const data = join(directory, "data");
  const [program, ...args] = make(data);
  const made = Bun.spawn([join(debianBinaries, program), ...args], { ...as, stderr: "inherit" });
  if ((await made.exited) !== 0) throw new Error(`${program} failed`);
  const all = [
    ...settings,
    ...["fsync=off", "listen_addresses=", `unix_socket_directories=${directory}`],
  ];
  const server = Bun.spawn(
    [join(debianBinaries, "postgres"), "-D", data, ...all.flatMap((setting) => ["-c", setting])],
    { ...as, stderr: Bun.file(join(directory, "log")) },
  );
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const atExit = () => {
    server.kill("SIGQUIT");
    remove();
  };
  process.once("exit", atExit);
  await untilReachable(`postgres://peregrine@${encodeURIComponent(directory)}:5432/postgres`);
  return {
    directory,
    async end(signal) {
      process.off("exit", atExit);
      server.kill(signal);
      await server.exited;
      remove();
    },
  };
}
