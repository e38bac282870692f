import { join } from "node:path";
import { startTestPostgres } from "../packages/database/src/testing/index.ts";

/**
 * Runs the tests named by the arguments, or all of them, with one Postgres for all files, and ends
 * with a line that counts them.
 */
const root = join(import.meta.dirname, "..");
const timeoutMs = 60_000;

const postgres = await startTestPostgres();
const { output, exitCode } = await runTests(process.argv.slice(2), {
  ...process.env,
  PEREGRINE_TEST_DATABASE_URL: postgres.url,
});
await postgres.stop();

const passed = count(output, "pass");
const failed = count(output, "fail") + count(output, "error");
// A runner that ends badly without having counted a failure has failed all the same.
const failures = exitCode === 0 ? failed : Math.max(1, failed);
console.log(`${passed} passed, ${failures} failed`);
process.exit(failures === 0 && passed > 0 ? 0 : 1);

async function runTests(
  paths: string[],
  env: Record<string, string | undefined>,
): Promise<{ output: string; exitCode: number }> {
  const tests = Bun.spawn([process.execPath, "test", "--timeout", String(timeoutMs), ...paths], {
    cwd: root,
    env,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const piece of tests.stderr) {
    process.stderr.write(piece);
    output += decoder.decode(piece, { stream: true });
  }
  return { output, exitCode: await tests.exited };
}

/** The runner's own count, which is the last of its kind. */
function count(output: string, what: string): number {
  const counts = [...output.matchAll(new RegExp(`^ *(\\d+) ${what}s?$`, "gm"))];
  return Number(counts.at(-1)?.[1] ?? 0);
}
