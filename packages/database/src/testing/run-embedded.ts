import { startEmbeddedPostgres } from "../embedded/start-embedded-postgres.ts";

/*
 * Runs an embedded Postgres as a process of its own, for the tests that kill that process:
 * `bun run-embedded.ts <directory> <shared directory>`. Prints its url and pid, or the error, as
 * one line of JSON, and stops in order when its input ends.
 */
const [directory = "", sharedDirectory = ""] = process.argv.slice(2);
try {
  const postgres = await startEmbeddedPostgres({ directory, sharedDirectory });
  console.log(JSON.stringify({ url: postgres.url, pid: postgres.pid }));
  for await (const _ of Bun.stdin.stream()) {
    // Nothing is expected but the end.
  }
  await postgres.stop();
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  console.log(JSON.stringify({ error: { code, message } }));
}
