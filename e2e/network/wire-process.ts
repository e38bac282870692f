import { join } from "node:path";
import type { WireAnswer, WireCommand } from "./link.ts";

/** Before a command: it is killed as soon as whoever started it has ended, however that was. */
export const onlyWithParent = ["setpriv", "--pdeathsig", "KILL"];

/** The command line of a wire between so many hosts, which lasts for as long as its input. */
export function wireCommand(hosts: number): string[] {
  const main = join(import.meta.dirname, "wire.ts");
  return [...onlyWithParent, process.execPath, main, String(hosts)];
}

/** The process that carries the packets, and the talk with it: an answer to each command, in order. */
export class WireProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #asked: { resolve(answer: WireAnswer): void; reject(error: Error): void }[] = [];

  constructor(hosts: number) {
    this.#child = Bun.spawn(wireCommand(hosts), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#read()
      .catch(() => {})
      .finally(() => {
        for (const { reject } of this.#asked.splice(0)) reject(new Error("the wire has ended"));
      });
  }

  get pid(): number {
    return this.#child.pid;
  }

  tell(command: WireCommand): Promise<WireAnswer> {
    const answer = this.hear();
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    this.#child.stdin.flush();
    return answer;
  }

  /** What it says next; at its start it says something of each host. */
  hear(): Promise<WireAnswer> {
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const piece of this.#child.stdout) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#asked.shift()?.resolve(JSON.parse(line));
    }
  }
}
