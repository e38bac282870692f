import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const maxAttempts = 5;

export type RedisServer = {
  readonly url: string;
  /** One command, as `redis-cli` takes and prints it. */
  command(...args: string[]): Promise<string>;
  /** It keeps its connections and says nothing. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once, with all that it holds. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
};

/** A real Redis on a free port of the loopback, which writes nothing to disk. */
export async function startRedisServer(): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-redis-"));
  let port = 0;
  let child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;

  /** @returns whether it runs; another process may have taken the port */
  async function run(): Promise<boolean> {
    const listen = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory];
    child = Bun.spawn(["redis-server", ...listen, "--save", "", "--appendonly", "no"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const decoder = new TextDecoder();
    let output = "";
    for await (const piece of child.stdout) {
      output += decoder.decode(piece, { stream: true });
      if (output.includes("Ready to accept connections")) return true;
    }
    return false;
  }

  async function kill(): Promise<void> {
    child?.kill("SIGKILL");
    await child?.exited;
  }

  async function start(): Promise<void> {
    if (!(await run())) throw new Error(`redis-server does not start on port ${port}`);
  }

  for (let attempt = 1; ; attempt++) {
    port = freePort();
    if (await run()) break;
    if (attempt === maxAttempts) throw new Error("redis-server does not start on any port");
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async command(...args) {
      const client = Bun.spawn(["redis-cli", "-p", String(port), ...args], { stdout: "pipe" });
      return (await new Response(client.stdout).text()).trim();
    },
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    kill,
    start,
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
