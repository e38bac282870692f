import { freePort } from "@peregrine/process/testing";

export type RedisServer = {
  url: string;
  /** Ends it as a power cut does; what it held is lost. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** It keeps its connections and says nothing. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
};

/** Debian's Redis on a free port of the loopback, without persistence. */
export async function startRedisServer(): Promise<RedisServer> {
  const port = await freePort();
  let child: Bun.Subprocess;

  async function start(): Promise<void> {
    const options = [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
    ];
    child = Bun.spawn(["redis-server", ...options], { stdout: "ignore", stderr: "ignore" });
    const deadline = Date.now() + 30_000;
    while (!(await answers(port))) {
      if (Date.now() > deadline) throw new Error("redis-server did not start");
      await Bun.sleep(10);
    }
  }

  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await child.exited;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    kill,
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    stop: kill,
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
