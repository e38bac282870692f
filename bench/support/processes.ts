import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverEnvironment } from "../../scripts/set-up.mjs";
import { pinned } from "./cores.ts";

const root = join(import.meta.dirname, "../..");
const children = new Set<{ kill(): void }>();

export type Started = {
  url: string;
  pid: number;
  /** CPU seconds that the process has used. */
  cpuSeconds(): Promise<number>;
  /** The same with all processes that it has started, and those that they have. */
  treeCpuSeconds(): Promise<number>;
  /** Resident memory in bytes. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
};

/** Starts the model server of the tests as a process of its own. @param cores which it runs on */
export async function startModelServer(cores?: string, ...args: string[]): Promise<Started> {
  const child = spawn([join(root, "e2e/model-server/main.ts"), ...args], {}, root, cores);
  const url = (await firstLine(child, (line) => line.startsWith("http"))).trim();
  return started(child, url);
}

/**
 * Starts the application on an embedded Postgres in a folder that `stop` removes.
 *
 * @param cores which both run on
 */
export async function startServer(
  environment: Record<string, string>,
  cores?: string,
): Promise<Started> {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-bench-"));
  // Where the server is root, the account that Postgres runs as has to pass.
  chmodSync(directory, 0o711);
  const child = spawn([join(root, "apps/server/src/main.ts")], environment, directory, cores);
  const line = await firstLine(child, (text) => text.includes('"msg":"ready"'));
  const process = started(child, JSON.parse(line).url);
  return {
    ...process,
    async stop() {
      await process.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts the front door before a server. @param cores which it runs on */
export async function startDoor(serverUrl: string, cores?: string): Promise<Started> {
  const environment = {
    EDGE_SERVERS: serverUrl,
    EDGE_ADMIN_PORT: "0",
    EDGE_MAX_CONNECTIONS_PER_ADDRESS: "0",
    LOG_LEVEL: "info",
  };
  const child = spawn([join(root, "apps/edge/src/main.ts")], environment, root, cores);
  const line = await firstLine(child, (text) => text.includes('"msg":"ready"'));
  return started(child, JSON.parse(line).url);
}

/** Starts a program whose first line is its URL. */
export async function spawnBun(args: string[]): Promise<Started> {
  const child = spawn(args, {}, root);
  return started(child, (await firstLine(child, (line) => line.startsWith("http"))).trim());
}

/** Starts a program that tells what comes of it by messages. */
export function fork<Message>(path: string, args: string[], onMessage: (message: Message) => void) {
  const child = Bun.spawn([process.execPath, path, ...args], {
    cwd: root,
    env: serverEnvironment,
    stdio: ["ignore", "inherit", "inherit"],
    ipc: onMessage,
  });
  endWithUs(child);
  return { ...measuresOf(child.pid), send: (message: unknown) => child.send(message) };
}

type Child = Bun.Subprocess<"ignore", "pipe", "inherit">;

function spawn(
  args: string[],
  environment: Record<string, string>,
  cwd: string,
  cores?: string,
): Child {
  const child = Bun.spawn(pinned(cores, [process.execPath, ...args]), {
    cwd,
    env: { ...serverEnvironment, PORT: "0", ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  endWithUs(child);
  return child;
}

/** A bench that fails or is stopped leaves nothing running behind it. */
function endWithUs(child: { kill(): void }): void {
  if (children.size === 0) {
    process.on("exit", () => {
      for (const each of children) each.kill();
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  }
  children.add(child);
}

async function firstLine(child: Child, isIt: (line: string) => boolean): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = child.stdout.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended before it was ready:\n${text}`);
    text += decoder.decode(value, { stream: true });
    const line = text.split("\n").find(isIt);
    if (line === undefined) continue;
    // What follows is read and dropped, so that the process never waits for us.
    void drop(reader);
    return line;
  }
}

async function drop(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}

function started(child: Child, url: string): Started {
  return {
    url,
    pid: child.pid,
    ...measuresOf(child.pid),
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

type Stat = { pid: number; parent: number; cpuSeconds: number };

async function readStat(pid: number): Promise<Stat> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  // After the name: the state and the parent; utime and stime are the 12th and 13th, in ticks of 10 ms.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / 100;
  return { pid, parent: Number(fields[1]), cpuSeconds };
}

function measuresOf(pid: number) {
  return {
    async cpuSeconds() {
      return (await readStat(pid)).cpuSeconds;
    },
    async treeCpuSeconds() {
      const all = await Promise.all(
        readdirSync("/proc")
          .filter((name) => /^\d+$/.test(name))
          // Some have ended since they were listed.
          .map((name) => readStat(Number(name)).catch(() => undefined)),
      );
      const byParent = Map.groupBy(
        all.filter((each) => each !== undefined),
        ({ parent }) => parent,
      );
      const sum = (stats: Stat[]): number =>
        stats.reduce(
          (total, each) => total + each.cpuSeconds + sum(byParent.get(each.pid) ?? []),
          0,
        );
      return sum(all.filter((each) => each?.pid === pid) as Stat[]);
    },
    async residentBytes() {
      const status = await Bun.file(`/proc/${pid}/status`).text();
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    },
  };
}
