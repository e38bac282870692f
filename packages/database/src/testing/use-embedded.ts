import { afterEach, beforeEach } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../embedded/start-embedded-postgres.ts";

export type EmbeddedFixture = {
  /** A new directory, open to all. */
  root: string;
  /** Where Postgres is wanted; not there yet. */
  directory: string;
  shared: string;
  /** What was logged. */
  messages: string[];
  start(settings?: Record<string, string>): Promise<EmbeddedPostgres>;
  /** Runs Postgres on the directory from another process, which stops it when its input ends. */
  runElsewhere(as?: { uid: number; gid: number }): Promise<Elsewhere>;
};

type Elsewhere = {
  child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  told: { url: string; pid: number; error?: { code: string; message: string } };
};

/** Gives each test of a file a directory of its own to start Postgres on. */
export function useEmbedded(): EmbeddedFixture {
  const fixture = {
    start(settings = {}) {
      const { directory, shared, messages } = fixture;
      const tell = (message: string) => void messages.push(message);
      const log = { info: tell, warn: tell, error: tell };
      return startEmbeddedPostgres({ directory, log, settings, sharedDirectory: shared });
    },
    runElsewhere: (as) => runElsewhere(fixture, as),
  } as EmbeddedFixture;
  beforeEach(() => {
    fixture.root = mkdtempSync(join(tmpdir(), "peregrine-embedded-"));
    chmodSync(fixture.root, 0o755);
    fixture.directory = join(fixture.root, "data/postgres");
    fixture.shared = join(fixture.root, "shared");
    fixture.messages = [];
  });
  afterEach(() => {
    rmSync(fixture.root, { recursive: true });
  });
  return fixture;
}

async function runElsewhere(
  { directory, shared }: EmbeddedFixture,
  as?: { uid: number; gid: number },
): Promise<Elsewhere> {
  const script = join(import.meta.dir, "run-embedded.ts");
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
  return { child, told: JSON.parse(line) };
}

export async function query<T>(url: string, text: string): Promise<T[]> {
  const sql = new SQL({ url, max: 1 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.close({ timeout: 0 });
  }
}

/** A zombie is not alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
  if (process.platform !== "linux") return true;
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

export async function until(
  fixture: EmbeddedFixture,
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`no ${what}: ${fixture.messages.join(" | ")}`);
    await Bun.sleep(20);
  }
}
