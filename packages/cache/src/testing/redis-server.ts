import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createClient } from "redis";
import { sleep } from "../time-limit.ts";
import { freePort } from "./free-port.ts";

/** A real Redis on a free port of the loopback, without persistence, that tests can mistreat. */
export class TestRedis {
  readonly port: number;
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<TestRedis> {
    const redis = new TestRedis(await freePort());
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.#process = spawn(
      "redis-server",
      [
        ...["--port", String(this.port), "--bind", "127.0.0.1"],
        ...["--save", "", "--appendonly", "no", "--loglevel", "warning", "--daemonize", "no"],
      ],
      { stdio: "ignore" },
    );
    for (let attempt = 0; attempt < 200; attempt++) {
      if ((await this.command(["PING"]).catch(() => undefined)) === "PONG") return;
      await sleep(25);
    }
    throw new Error(`redis-server did not answer on port ${this.port}`);
  }

  /** Ends it at once, with everything it holds. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** It accepts connections and says nothing. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** One command on a connection of its own. */
  async command(args: string[]): Promise<unknown> {
    const client = createClient({
      url: this.url,
      RESP: 2,
      socket: { connectTimeout: 500, reconnectStrategy: false },
    });
    client.on("error", () => {});
    try {
      await client.connect();
      return await client.sendCommand(args);
    } finally {
      if (client.isOpen) client.destroy();
    }
  }
}
