import { type ChildProcess, spawn } from "node:child_process";
import type { IpcChannel } from "@peregrine/cache";
import type { FleetMessage, Receiver } from "./message-relay.ts";

export type ServerProcessOptions = {
  /** The program to run: its file, and what it is told. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onMessage: (from: ServerProcess, message: FleetMessage) => void;
};

/** How a process ended, in words for a log. */
export type Exit = { readonly code: number | null; readonly signal: string | null };

/** A server that we started. It says `{"type": "ready", "url": …}` when it listens. */
export class ServerProcess implements Receiver {
  /** Where it listens. Rejects where it ends before it says so. */
  readonly ready: Promise<string>;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;

  constructor({ command, environment, onMessage }: ServerProcessOptions) {
    const [program = process.execPath, ...args] = command;
    this.#child = spawn(program, args, {
      env: environment,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // Ctrl-C in a terminal is for us alone: we stop the servers when the door is closed.
      detached: true,
    });
    const ready = Promise.withResolvers<string>();
    const exited = Promise.withResolvers<Exit>();
    this.ready = ready.promise;
    this.exited = exited.promise;
    // Whoever waits for it gets the error; nobody has to wait.
    this.ready.catch(() => {});
    this.#child.on("message", (message: FleetMessage) => {
      if (message.type === "ready") ready.resolve(message.url);
      else onMessage(this, message);
    });
    this.#child.on("error", (error) => {
      ready.reject(error);
      exited.resolve({ code: null, signal: null });
    });
    this.#child.on("exit", (code, signal) => {
      ready.reject(new Error(`the server ended before it was ready, with ${code ?? signal}`));
      exited.resolve({ code, signal });
    });
  }

  /** The channel that caches pass their log of invalidations over. */
  get cacheChannel(): IpcChannel {
    const child = this.#child;
    return {
      send(message) {
        if (child.connected) child.send(message as object, () => {});
      },
      listen(onMessage) {
        child.on("message", onMessage);
        return () => child.off("message", onMessage);
      },
    };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(message: FleetMessage, written: (error: Error | null) => void): void {
    if (this.#child.connected) this.#child.send(message, written);
    else written(new Error("the server has gone"));
  }

  /** Tells it to stop, and kills it where it does not within `graceMs`. */
  async stop(graceMs: number): Promise<Exit> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
