import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { openDatabase } from "../database.ts";
import { migrateDatabase } from "../migrate.ts";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";

const isRoot = process.getuid?.() === 0;
const script = join(import.meta.dir, "../testing/run-embedded.ts");
const timeout = 30_000;

let root: string;
let directory: string;
let shared: string;
let messages: string[];
const log = {
  info: (message: string) => void messages.push(message),
  warn: (message: string) => void messages.push(message),
  error: (message: string) => void messages.push(message),
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "peregrine-embedded-"));
  chmodSync(root, 0o755);
  directory = join(root, "data/postgres");
  shared = join(root, "shared");
  messages = [];
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

const start = () => startEmbeddedPostgres({ directory, log, sharedDirectory: shared });

async function query<T>(url: string, text: string): Promise<T[]> {
  const sql = new SQL({ url, max: 1 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.close({ timeout: 0 });
  }
}

type Told = { url: string; pid: number; error?: { code: string; message: string } };

/** Another process that runs Postgres on the directory. */
async function runElsewhere(as?: { uid: number; gid: number }) {
  const child = Bun.spawn([process.execPath, script, directory, shared], {
    ...as,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    line += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  return { child, told: JSON.parse(line) as Told };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited for ${what}: ${messages.join(" | ")}`);
    await Bun.sleep(5);
  }
}

test(
  "keeps what was written from one start to the next, and its settings",
  async () => {
    const first = await start();
    await query(first.url, "create table kept as select 42 as n");
    await first.stop();
    expect(isAlive(Number(first.pid))).toBe(false);

    const startedAt = performance.now();
    const second = await start();
    const tookMs = performance.now() - startedAt;
    expect(await query(second.url, "select n from kept")).toEqual([{ n: 42 }]);
    const settings = await query<{ name: string; setting: string }>(
      second.url,
      `select name, setting from pg_settings where name in ('data_checksums', 'fsync', 'jit',
        'listen_addresses', 'server_encoding', 'shared_preload_libraries', 'synchronous_commit')
        order by name`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      data_checksums: "on",
      fsync: "on",
      jit: "off",
      listen_addresses: "",
      server_encoding: "UTF8",
      shared_preload_libraries: "pg_stat_statements",
      synchronous_commit: "on",
    });
    expect(await query(second.url, "select lower('ÄÉ') as lower")).toEqual([{ lower: "äé" }]);
    await second.stop();
    // 40 ms on a quiet machine.
    expect(tookMs).toBeLessThan(1_000);
  },
  timeout,
);

test(
  "lets in nobody without the password, which only its account can read",
  async () => {
    const postgres = await start();
    try {
      const wrong = postgres.url.replace(/:[^:@]*@/, ":wrong@");
      expect(query(wrong, "select 1")).rejects.toThrow("password authentication failed");
      expect(statSync(join(directory, "password")).mode & 0o077).toBe(0);
      expect(statSync(directory).mode & 0o077).toBe(0);
    } finally {
      await postgres.stop();
    }
  },
  timeout,
);

test(
  "a path too long for a socket is served on a port of 127.0.0.1",
  async () => {
    directory = join(root, "x".repeat(100), "postgres");
    const postgres = await start();
    try {
      expect(postgres.url).toContain("@127.0.0.1:");
      expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    } finally {
      await postgres.stop();
    }
  },
  timeout,
);

test(
  "a second start on the directory is refused, here and in another process, naming the first",
  async () => {
    const { child, told } = await runElsewhere();
    const refused = await start().catch((error) => error);
    expect(refused).toMatchObject({ code: "directory_in_use" });
    expect(refused.message).toContain(`process ${child.pid}:`);
    expect((await runElsewhere()).told.error?.code).toBe("directory_in_use");
    expect(await query(told.url, "select 1 as one")).toEqual([{ one: 1 }]);
    child.stdin.end();
    expect(await child.exited).toBe(0);

    const mine = await start();
    expect((await start().catch((error) => error)).message).toContain(`process ${process.pid}:`);
    await mine.stop();
  },
  timeout,
);

test(
  "of several first starts at once, one makes the database and the others are refused",
  async () => {
    const results = await Promise.all([runElsewhere(), runElsewhere(), runElsewhere()]);
    const winners = results.filter(({ told }) => !told.error);
    expect(winners).toHaveLength(1);
    for (const { child, told } of results) {
      if (told.error) expect(told.error.code).toBe("directory_in_use");
      child.stdin.end();
      await child.exited;
    }
  },
  timeout,
);

test(
  "a Postgres whose owner was killed is ended by the next start, and nothing committed is lost",
  async () => {
    const { child, told } = await runElsewhere();
    await query(told.url, "create table kept as select 42 as n");
    child.kill("SIGKILL");
    await child.exited;
    expect(isAlive(told.pid)).toBe(true);

    const postgres = await start();
    expect(isAlive(told.pid)).toBe(false);
    expect(messages.join()).toContain(`(pid ${told.pid})`);
    expect(await query(postgres.url, "select n from kept")).toEqual([{ n: 42 }]);
    await postgres.stop();
  },
  timeout,
);

test(
  "owner and Postgres killed together: the next start recovers",
  async () => {
    const { child, told } = await runElsewhere();
    await query(told.url, "create table kept as select 42 as n");
    child.kill("SIGKILL");
    process.kill(told.pid, "SIGKILL");
    await child.exited;
    const postgres = await start();
    expect(await query(postgres.url, "select n from kept")).toEqual([{ n: 42 }]);
    await postgres.stop();
  },
  timeout,
);

test(
  "a pid file whose number belongs to another process by now does not stop the start",
  async () => {
    const first = await start();
    await first.stop();
    const other = Bun.spawn(["sleep", "60"], isRoot ? statOwner(directory) : {});
    try {
      const pidFile = join(directory, "data/postmaster.pid");
      writeFileSync(pidFile, `${other.pid}\n${directory}/data\n1700000000\n5432\n\n\n\nready\n`);
      const second = await start();
      expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
      await second.stop();
      expect(isAlive(other.pid)).toBe(true);
    } finally {
      other.kill("SIGKILL");
      await other.exited;
    }
  },
  timeout,
);

function statOwner(path: string): { uid: number; gid: number } {
  const { uid, gid } = statSync(path);
  return { uid, gid };
}

test(
  "a first start that was cut off begins again",
  async () => {
    mkdirSync(join(directory, "data.part/base"), { recursive: true });
    writeFileSync(join(directory, "data.part/PG_VERSION"), "18\n");
    const postgres = await start();
    expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(existsSync(join(directory, "data.part"))).toBe(false);
    await postgres.stop();
  },
  timeout,
);

test(
  "a Postgres that dies is started again, and the pool finds it by itself",
  async () => {
    const postgres = await start();
    await migrateDatabase(postgres.url);
    const database = openDatabase({ url: postgres.url, poolSize: 5 });
    await database.ping();
    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      const killed = Number(postgres.pid);
      process.kill(killed, signal);
      await until(`a new Postgres after ${signal}`, async () => {
        if (postgres.pid === killed) return false;
        return database.ping().then(
          () => true,
          () => false,
        );
      });
      await until(
        "the log to tell",
        () => messages.at(-1) === `Postgres is back (pid ${postgres.pid})`,
      );
    }
    await database.close();
    await postgres.stop();
    expect(postgres.pid).toBeUndefined();
  },
  timeout,
);

test(
  "stopping in the middle of a restart leaves none behind",
  async () => {
    const postgres = await start();
    const killed = Number(postgres.pid);
    process.kill(killed, "SIGKILL");
    await until("its end", () => postgres.pid !== killed);
    await postgres.stop();
    expect(postgres.pid).toBeUndefined();
    const again = await start();
    await again.stop();
  },
  timeout,
);

test(
  "open transactions do not hold up the stop",
  async () => {
    const postgres = await start();
    const sql = new SQL({ url: postgres.url, max: 1 });
    const open = sql.unsafe("select pg_sleep(60)").catch((error) => error.code);
    await until("the statement to run", async () => {
      const rows = await query(
        postgres.url,
        "select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()",
      );
      return rows.length > 0;
    });
    const startedAt = performance.now();
    await postgres.stop();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await open;
    await sql.close({ timeout: 0 });
  },
  timeout,
);

test(
  "Ctrl-C in the terminal does not reach Postgres",
  async () => {
    const { child, told } = await runElsewhere();
    const group = Number(
      readFileSync(`/proc/${told.pid}/stat`, "utf8").split(") ")[1]?.split(" ")[2],
    );
    expect(group).toBe(told.pid);
    child.stdin.end();
    await child.exited;
    expect(isAlive(told.pid)).toBe(false);
  },
  timeout,
);

test(
  "data of another version are refused, with what to do",
  async () => {
    const postgres = await start();
    await postgres.stop();
    writeFileSync(join(directory, "data/PG_VERSION"), "16\n");
    const error = await start().catch((e) => e);
    expect(error.code).toBe("unsupported_version");
    expect(error.message).toContain("are of Postgres 16, and this Peregrine brings Postgres 18");
  },
  timeout,
);

test(
  "a Postgres that cannot start tells why, and frees the directory",
  async () => {
    const settings = { shared_buffers: "'nonsense'" };
    const broken = await startEmbeddedPostgres({
      directory,
      settings,
      sharedDirectory: shared,
    }).catch((e) => e);
    expect(broken.code).toBe("embedded_start");
    expect(broken.message).toContain("shared_buffers");
    const postgres = await start();
    await postgres.stop();
  },
  timeout,
);

test.if(isRoot)(
  "for root, Postgres runs as another user",
  async () => {
    const postgres = await start();
    const owner = statOwner(`/proc/${postgres.pid}`);
    expect(owner.uid).not.toBe(0);
    expect(owner).toEqual(statOwner(join(directory, "data")));
    await postgres.stop();
  },
  timeout,
);

test.if(isRoot)(
  "for root, below a home that nobody else may enter, the data go where Postgres can",
  async () => {
    chmodSync(root, 0o700);
    const outside = mkdtempSync(join(tmpdir(), "peregrine-outside-"));
    chmodSync(outside, 0o755);
    shared = join(outside, "shared");
    try {
      const first = await start();
      await query(first.url, "create table kept as select 42 as n");
      await first.stop();
      expect(lstatSync(directory).isSymbolicLink()).toBe(true);
      expect(messages.join()).toContain(`the database is in ${shared}/data-`);
      const second = await start();
      expect(await query(second.url, "select n from kept")).toEqual([{ n: 42 }]);
      await second.stop();
    } finally {
      rmSync(outside, { recursive: true });
    }
  },
  timeout,
);

test.if(isRoot)(
  "data that Postgres can no longer get to are not replaced by new ones",
  async () => {
    const first = await start();
    await first.stop();
    chmodSync(root, 0o700);
    const error = await start().catch((e) => e);
    expect(error.code).toBe("embedded_start");
    expect(error.message).toContain(`may not pass ${root}`);
  },
  timeout,
);

test.if(isRoot)(
  "runs as whoever starts it where that is not root, and goes on as that user for root",
  async () => {
    const nobody = { uid: 65_534, gid: 65_534 };
    chmodSync(root, 0o777);
    const { child, told } = await runElsewhere(nobody);
    expect(statOwner(`/proc/${told.pid}`).uid).toBe(nobody.uid);
    child.stdin.end();
    await child.exited;

    const postgres = await start();
    expect(statOwner(`/proc/${postgres.pid}`).uid).toBe(nobody.uid);
    await postgres.stop();
    const again = await runElsewhere(nobody);
    expect(again.told.error).toBeUndefined();
    again.child.stdin.end();
    await again.child.exited;
  },
  timeout,
);

test.if(isRoot)(
  "a directory of somebody else is refused with what to do",
  async () => {
    const postgres = await start();
    await postgres.stop();
    const { told } = await runElsewhere({ uid: 65_534, gid: 65_534 });
    expect(told.error?.code).toBe("embedded_start");
    expect(told.error?.message).toContain("start as that user or as root");
  },
  timeout,
);
