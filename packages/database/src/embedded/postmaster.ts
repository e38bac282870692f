import { closeSync, fchownSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import type { Subprocess } from "bun";
import { DatabaseError } from "../errors.ts";
import type { Account } from "./account.ts";
import type { EmbeddedPostgresLog } from "./log.ts";
import { endOrphans, readPidFile } from "./orphans.ts";

type PostmasterOptions = {
  command: string[];
  data: string;
  logFile: string;
  account: Account | null;
  log: EmbeddedPostgresLog;
};

const readyPollMs = 2;
const slowStartMs = 5_000;
const fastShutdownMs = 20_000;
const immediateShutdownMs = 5_000;
const maxLogBytes = 10 * 1024 * 1024;
const firstRestartMs = 50;
const longestRestartMs = 5_000;
/** A Postgres that ran this long starts again at once; one that dies sooner, ever later. */
const healthyMs = 1_000;

/**
 * One running Postgres: starts it, starts it again when it dies, stops it.
 *
 * Its output goes to a file and not through us, so that it can go on writing, and end in order,
 * when we were killed.
 */
export class Postmaster {
  readonly #options: PostmasterOptions;
  #child: Subprocess | undefined;
  #stopping = false;
  #supervising: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: PostmasterOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child && !hasEnded(this.#child) ? this.#child.pid : undefined;
  }

  /** Resolves when Postgres takes connections, however long it needs to recover from a crash. */
  async start(): Promise<void> {
    const child = await this.#launch();
    this.#supervising = this.#supervise(child);
  }

  /** Fast shutdown: open transactions are rolled back. An immediate one if that takes 20 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    const child = this.#child;
    if (child) {
      const ended = child.exited.then(() => true);
      const { log } = this.#options;
      child.kill("SIGINT");
      if (!(await within(ended, fastShutdownMs))) {
        log.warn(`Postgres did not stop within ${fastShutdownMs} ms: ending it at once`);
        child.kill("SIGQUIT");
        if (!(await within(ended, immediateShutdownMs))) child.kill("SIGKILL");
        await ended;
      }
    }
    await this.#supervising;
  }

  async #supervise(first: Subprocess): Promise<void> {
    const { log, data } = this.#options;
    let child = first;
    let delayMs = firstRestartMs;
    for (;;) {
      const startedAt = performance.now();
      await child.exited;
      if (this.#stopping) return;
      log.error(`Postgres ended (${howItEnded(child)}) and is started again`);
      if (performance.now() - startedAt > healthyMs) delayMs = firstRestartMs;
      for (let started = false; !started; ) {
        await this.#pause(delayMs);
        if (this.#stopping) return;
        delayMs = Math.min(delayMs * 2, longestRestartMs);
        try {
          // A killed postmaster leaves backends for a moment, and Postgres waits for none.
          await endOrphans(data);
          child = await this.#launch();
          started = true;
        } catch (error) {
          log.error(`Postgres cannot be started again: ${(error as Error).message}`);
        }
      }
      log.info(`Postgres is back (pid ${child.pid})`);
    }
  }

  async #launch(): Promise<Subprocess> {
    const { command, account, data, logFile, log } = this.#options;
    rotate(logFile);
    const output = openSync(logFile, "a", 0o600);
    if (account) fchownSync(output, account.uid, account.gid);
    const startedAt = performance.now();
    let child: Subprocess;
    try {
      child = Bun.spawn(command, {
        ...account,
        cwd: "/",
        env: { LC_ALL: "C" },
        // A process group of its own: signals of the terminal are not for it.
        detached: true,
        stdin: "ignore",
        stdout: output,
        stderr: output,
      });
    } catch (cause) {
      throw new DatabaseError("embedded_start", `${command[0]} cannot be run`, { cause });
    } finally {
      closeSync(output);
    }
    this.#child = child;
    if (this.#stopping) child.kill("SIGINT");
    let told = false;
    for (;;) {
      if (hasEnded(child)) {
        throw new DatabaseError(
          "embedded_start",
          `Postgres ended while it started (${howItEnded(child)}): ${lastLines(logFile)}`,
        );
      }
      const file = readPidFile(data);
      if (file?.pid === child.pid && file.ready) return child;
      if (!told && performance.now() - startedAt > slowStartMs) {
        told = true;
        log.warn("Postgres takes long to start: it may be recovering from a crash");
      }
      await Bun.sleep(readyPollMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function within(ended: Promise<boolean>, ms: number): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const result = await Promise.race([ended, late]);
  clearTimeout(timer);
  return result;
}

function hasEnded(child: Subprocess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function howItEnded(child: Subprocess): string {
  return child.signalCode ? `by ${child.signalCode}` : `code ${child.exitCode}`;
}

/** Keeps one older log. */
function rotate(logFile: string): void {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > maxLogBytes) renameSync(logFile, `${logFile}.1`);
}

function lastLines(logFile: string): string {
  return readFileSync(logFile, "utf8").trim().split("\n").slice(-4).join(" | ");
}
