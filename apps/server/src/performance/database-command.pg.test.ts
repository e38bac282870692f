import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "@peregrine/database";
import { createTestDatabase } from "@peregrine/database/testing";

async function run(environment: Record<string, string>, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../cli.ts"), ...args], {
    env: { ...process.env, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, error, code };
}

test("optimize shows its plan with --dry-run, then does it, and tells how far it is", async () => {
  const database = await createTestDatabase();
  const environment = { DATABASE_URL: database.url };
  const plan = await run(environment, "optimize", "--dry-run");
  expect(plan.code).toBe(0);
  expect(plan.out).toMatch(/^planned +indexes: users_created_at_idx/m);
  expect(plan.out).not.toMatch(/^done /m);
  const done = await run(environment, "optimize");
  expect(done.code).toBe(0);
  expect(done.out).toMatch(/^indexes: users_created_at_idx/m);
  expect(done.out).toMatch(/^done +indexes: users_created_at_idx .*built in/m);
  expect(done.out.trimEnd()).toEndWith("done");
  await database.drop();
});

test("it finds the embedded Postgres of a server that runs, and starts it where none does", async () => {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-cli-"));
  chmodSync(directory, 0o711);
  const environment = { DATA_DIR: directory, DATABASE_URL: "" };
  const alone = await run(environment, "optimize");
  expect([alone.code, alone.error]).toEqual([0, ""]);
  const postgres = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
  const beside = await run(environment, "optimize");
  expect([beside.code, beside.error]).toEqual([0, ""]);
  expect(beside.out).toContain("things are as they should be");
  expect(postgres.pid).toBeGreaterThan(0);
  await postgres.stop();
  rmSync(directory, { recursive: true });
});

test("what is not known is refused with what is", async () => {
  expect(await run({}, "optimise")).toMatchObject({
    code: 2,
    error: expect.stringContaining("known are: optimize"),
  });
  expect(await run({}, "optimize", "--now")).toMatchObject({
    code: 2,
    out: expect.stringContaining("[--dry-run]"),
  });
});

test("a database that cannot be reached is said plainly", async () => {
  const { code, error } = await run(
    { DATABASE_URL: "postgres://someone:secret@127.0.0.1:1/none" },
    "optimize",
  );
  expect(code).toBe(1);
  expect(error).toContain("no connection to Postgres");
  expect(error).not.toContain("secret");
});
