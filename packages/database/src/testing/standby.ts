import { startDebianServer } from "./debian-server.ts";
import type { TestPostgres } from "./index.ts";

export type Standby = TestPostgres & {
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
};

/** Starts a copy of Debian's Postgres that follows it by streaming replication. */
export async function startStandby(primary: TestPostgres): Promise<Standby> {
  const source = decodeURIComponent(new URL(primary.url).hostname);
  const { directory, end } = await startDebianServer(
    (data) => [
      ...(["pg_basebackup", "-h", source, "-U", "peregrine", "-D", data] as const),
      ...["-R", "-X", "stream", "-c", "fast", "--no-sync"],
    ],
    [],
  );
  const url = primary.url.replace(encodeURIComponent(source), encodeURIComponent(directory));
  return { url, stop: () => end("SIGINT"), kill: () => end("SIGQUIT") };
}
