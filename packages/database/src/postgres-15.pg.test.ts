import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { hasDebianPostgres, startDebianPostgres } from "./testing/debian-postgres.ts";
import type { TestPostgres } from "./testing/index.ts";

/*
 * The tests of migrations and queries run on the embedded Postgres 18; here the same files run once
 * more on Debian's Postgres 15, whose locale and search differ most from it.
 */
let postgres: TestPostgres | undefined;

beforeAll(async () => {
  if (hasDebianPostgres) postgres = await startDebianPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

test.skipIf(!hasDebianPostgres)(
  "migrations, queries and search pass their tests on Postgres 15",
  async () => {
    const files = ["src/migrate.pg.test.ts", "src/search", "src/queries"];
    const tests = Bun.spawn(
      [
        process.execPath,
        "test",
        "--timeout",
        "60000",
        ...files,
        "--path-ignore-patterns",
        "**/million.pg.test.ts",
      ],
      {
        cwd: join(import.meta.dir, ".."),
        env: { ...process.env, PEREGRINE_TEST_DATABASE_URL: postgres?.url },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    const output = await new Response(tests.stderr).text();
    const failures = output.split("\n").filter((line) => /^\(fail\)|error:/.test(line));
    expect(failures).toEqual([]);
    expect(await tests.exited).toBe(0);
    expect(Number(/^ *(\d+) pass$/m.exec(output)?.[1])).toBeGreaterThan(100);
  },
  120_000,
);
