import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@peregrine/process/testing";
import { SQL } from "bun";
import { findAccount } from "../embedded/account.ts";
import type { TestPostgres } from "./index.ts";

/** Starts Debian's PgBouncer in transaction mode, with five connections, before a local Postgres. */
export async function startPgBouncer(postgres: TestPostgres): Promise<TestPostgres> {
  const account = await findAccount(null);
  const directory = mkdtempSync(join(tmpdir(), "peregrine-bouncer-"));
  const socket = decodeURIComponent(new URL(postgres.url).hostname);
  const port = await freePort();
  const file = join(directory, "pgbouncer.ini");
  writeFileSync(
    file,
    `[databases]
* = host=${socket} port=5432 user=peregrine
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
`,
  );
  if (account) for (const path of [directory, file]) chownSync(path, account.uid, account.gid);
  const bouncer = Bun.spawn(["/usr/sbin/pgbouncer", "-q", file], {
    ...account,
    cwd: directory,
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(join(directory, "log")),
  });
  const end = () => {
    bouncer.kill("SIGKILL");
    if (existsSync(directory)) rmSync(directory, { recursive: true });
  };
  process.once("exit", end);
  const url = `postgres://peregrine@127.0.0.1:${port}/postgres`;
  await untilReachable(url);
  return {
    url,
    async stop() {
      process.off("exit", end);
      end();
      await bouncer.exited;
    },
  };
}

async function untilReachable(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const sql = new SQL({ url, max: 1, prepare: false });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await Bun.sleep(20);
    } finally {
      await sql.close({ timeout: 0 });
    }
  }
}
