import { join } from "node:path";
import type { Host } from "@peregrine/e2e/network";
import type { Asked, Command, Load, Outcome, StreamState } from "./remote-client-protocol.ts";

export type RemoteLoad = {
  /** What became of the requests so far, from the one with this number on. */
  outcomes(from: number): Promise<Outcome[]>;
  /** The same once the last of them is over, and no other begins. */
  stop(): Promise<Outcome[]>;
};

/** A client on a host of its own, as a process there that does what it is told. */
export class RemoteClient {
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #commands = 0;

  constructor(host: Host) {
    const main = join(import.meta.dirname, "remote-client-main.ts");
    this.#child = Bun.spawn(host.command([process.execPath, main]), {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      ipc: ({ id, result }: { id: number; result: unknown }) => {
        this.#waiting.get(id)?.(result);
        this.#waiting.delete(id);
      },
    });
  }

  ask(asked: Asked): Promise<Outcome> {
    return this.#do({ what: "ask", asked }) as Promise<Outcome>;
  }

  /** Begins to ask, by so many workers one request after another. */
  async load(load: Load): Promise<RemoteLoad> {
    const id = (await this.#do({ what: "load", load })) as number;
    return {
      outcomes: (from) => this.#do({ what: "outcomes", load: id, from }) as Promise<Outcome[]>,
      stop: () => this.#do({ what: "stop", load: id }) as Promise<Outcome[]>,
    };
  }

  /** Begins to read so many answers, each until it ends, or WebSockets where the URL is one's. */
  async follow(url: string, count: number): Promise<void> {
    await this.#do({ what: "follow", url, count });
  }

  /** What became of all that it follows so far. */
  streams(): Promise<StreamState[]> {
    return this.#do({ what: "streams" }) as Promise<StreamState[]>;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #do(command: Command): Promise<unknown> {
    const id = this.#commands++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, command });
    });
  }
}
