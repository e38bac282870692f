import { join } from "node:path";
import type { Host } from "@peregrine/e2e/network";

type Line = { msg: string; level: string; [field: string]: unknown };

/** The front door as a process of its own, with what it logged. */
export class RunningProgram {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly lines: Line[] = [];
  #errors = "";

  /** @param host where it runs, if not on this one */
  constructor(args: readonly string[], environment: Record<string, string>, host?: Host) {
    const command = [process.execPath, join(import.meta.dirname, "../main.ts"), ...args];
    this.#child = Bun.spawn(host?.command(command) ?? command, {
      env: { ...process.env, ...environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    void this.#read();
    void this.#readErrors();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get errors(): string {
    return this.#errors;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first line that satisfies, now or later. */
  async line(isIt: (line: Line) => boolean, timeoutMs = 30_000): Promise<Line> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const found = this.lines.find(isIt);
      if (found !== undefined) return found;
      if (performance.now() > deadlineMs || this.#child.exitCode !== null) {
        const all = this.lines.map((line) => JSON.stringify(line)).join("\n");
        throw new Error(`it did not say so:\n${all}\n${this.#errors}`);
      }
      await Bun.sleep(10);
    }
  }

  /** Where the door listens, once it does. */
  async ready(): Promise<{ url: string; adminUrl: string }> {
    const { url, adminUrl } = await this.line((line) => line.adminUrl !== undefined);
    return { url: String(url), adminUrl: String(adminUrl) };
  }

  /** Ends it in order; kills it where it does not end. */
  async stop(): Promise<number> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), 15_000);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const piece of this.#child.stdout) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("{")) this.lines.push(JSON.parse(line) as Line);
      }
    }
  }

  async #readErrors(): Promise<void> {
    this.#errors = await new Response(this.#child.stderr).text();
  }
}
