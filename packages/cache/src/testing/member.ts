import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { IpcChannel } from "../log/ipc-messages.ts";
import type { CacheStats } from "../stats.ts";

export interface MemberCommand {
  readonly kind: "read" | "write" | "clear" | "stats" | "close";
  readonly id?: number;
  /** A write that kills its process before or after its commit. */
  readonly die?: "before" | "after";
}

export interface MemberReply {
  readonly call: number;
  readonly result?: { n?: number; stats?: CacheStats } | undefined;
  readonly error?: string;
}

/** A process of its own with a cache in it, as the test sees it. */
export class Member {
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, (reply: MemberReply | undefined) => void>();
  #lastCall = 0;
  #dead = false;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.on("message", (message: unknown) => {
      const reply = message as MemberReply;
      if (typeof reply.call !== "number" || "cacheLog" in (message as object)) return;
      this.#calls.get(reply.call)?.(reply);
      this.#calls.delete(reply.call);
    });
    child.on("exit", () => {
      this.#dead = true;
      for (const settle of this.#calls.values()) settle(undefined);
      this.#calls.clear();
    });
  }

  static async start(
    settings: Record<string, unknown>,
    onChannel: (channel: IpcChannel) => void = () => {},
  ): Promise<Member> {
    const file = fileURLToPath(new URL("./member-process.ts", import.meta.url));
    const child = fork(file, [JSON.stringify(settings)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      execArgv: "bun" in process.versions ? [] : ["--no-warnings"],
    });
    onChannel({
      send: (message) => {
        // With a callback, since without one a death in between is an error that nobody catches.
        if (child.connected) child.send(message as object, () => {});
      },
      listen(onMessage) {
        child.on("message", onMessage);
        return () => child.off("message", onMessage);
      },
    });
    await new Promise<void>((resolve, reject) => {
      const onMessage = (message: unknown) => {
        if (typeof message !== "object" || message === null || !("ready" in message)) return;
        child.off("message", onMessage);
        resolve();
      };
      child.on("message", onMessage);
      child.once("exit", (code) => reject(new Error(`a member ended at once with code ${code}`)));
    });
    return new Member(child);
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** The reply; undefined when the process died before it could give one. */
  ask(command: MemberCommand): Promise<MemberReply | undefined> {
    if (this.#dead || !this.#process.connected) return Promise.resolve(undefined);
    const call = ++this.#lastCall;
    return new Promise((resolve) => {
      this.#calls.set(call, resolve);
      this.#process.send({ call, command }, () => {});
    });
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#process.kill(name);
  }

  async end(): Promise<void> {
    if (this.#dead) return;
    this.signal("SIGCONT");
    this.signal("SIGKILL");
    if (!this.#dead) await once(this.#process, "exit");
  }
}
