import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverEnvironment } from "../scripts/set-up.mjs";
import { readReady } from "./read-ready.ts";

const root = join(import.meta.dirname, "..");
export type ServerProcess = {
  readonly url: string;
  /** Ends it as an administrator does, and gives its exit code. */
  stop(): Promise<number>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
  /** Ends it and all processes of its Postgres so, at once. */
  killWithDatabase(): Promise<void>;
  /** Has it stand still, as a machine that hangs does: connections stay, and nothing answers. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same data and the same port. */
  start(): Promise<void>;
  /** Ends it, and removes what it kept. */
  remove(): Promise<void>;
};

/**
 * The server as `npm start` runs it, with its own embedded Postgres in a new folder.
 *
 * @param environment settings beside the port and the folder
 * @param inside gives the command that runs a command elsewhere, such as in a container
 */
export async function startServerProcess(
  environment: Record<string, string> = {},
  inside: (command: string[]) => string[] = (command) => command,
): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-e2e-"));
  // Where the server is root, the account that Postgres runs as has to pass.
  chmodSync(directory, 0o711);
  let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  let port = "0";
  let url = "";

  async function start(): Promise<void> {
    const command = inside([process.execPath, join(root, "apps/server/src/main.ts")]);
    child = Bun.spawn(command, {
      cwd: directory,
      env: { ...serverEnvironment, LOG_LEVEL: "info", ...environment, PORT: port },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    ({ url } = await readReady(child));
    port = new URL(url).port;
  }

  async function stop(): Promise<number> {
    child.kill("SIGTERM");
    return child.exited;
  }

  await start();
  return {
    get url() {
      return url;
    },
    stop,
    start,
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    async killWithDatabase() {
      const pidFile = join(directory, "data/postgres/data/postmaster.pid");
      const postgres = Number(readFileSync(pidFile, "utf8").split("\n", 1)[0]);
      // Postgres is a process group of its own.
      process.kill(-postgres, "SIGKILL");
      child.kill("SIGKILL");
      await child.exited;
    },
    async remove() {
      // One that stands still would not hear that it is to end.
      child.kill("SIGCONT");
      if (child.exitCode === null && child.signalCode === null) await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
