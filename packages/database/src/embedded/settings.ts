import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

const megabyte = 1024 * 1024;

/**
 * The settings of an embedded Postgres, which shares its machine with the application: for many
 * short statements on solid-state disks, a few gigabytes of data and more. They are written to
 * `peregrine.conf` at each start; `ALTER SYSTEM` goes above them.
 *
 * What is said to be committed is on disk: fsync and synchronous_commit stay on.
 */
export function postgresSettings(memoryBytes = availableMemory()): Record<string, string> {
  const memory = memoryBytes / megabyte;
  const share = (fraction: number, least: number, most: number) =>
    `${Math.round(Math.min(most, Math.max(least, memory * fraction)))}MB`;
  return {
    // A quarter is the rule for a machine of its own; here an eighth, taken as it fills.
    shared_buffers: share(1 / 8, 32, 2048),
    effective_cache_size: share(1 / 2, 128, 65_536),
    maintenance_work_mem: share(1 / 32, 32, 512),
    work_mem: share(1 / 512, 4, 32),
    // Several servers with a pool of 50 each can share one embedded Postgres.
    max_connections: "220",
    shared_preload_libraries: "'pg_stat_statements'",
    random_page_cost: "1.1",
    // Compiling pays for long reports; a chat's statements are over before it is done.
    jit: "off",
    // Without lz4 among the binaries it is pglz, which costs a question 0.7 ms where its pages are
    // written for the first time since a checkpoint: with many messages that is each time.
    wal_compression: "off",
    max_wal_size: "1GB",
    // The default lets a fifth of a table die first: with millions of rows, far too much.
    autovacuum_vacuum_scale_factor: "0.05",
    autovacuum_vacuum_insert_scale_factor: "0.1",
    autovacuum_analyze_scale_factor: "0.05",
    autovacuum_naptime: "30s",
    // Ends what a client that vanished has left open.
    idle_in_transaction_session_timeout: "5min",
    timezone: "'UTC'",
    log_timezone: "'UTC'",
    // People's texts stay out of the log: no parameters, no values of rows.
    log_parameter_max_length: "0",
    log_parameter_max_length_on_error: "0",
    log_error_verbosity: "terse",
    log_min_duration_statement: "1s",
    log_line_prefix: "'%m [%p] '",
    log_checkpoints: "off",
  };
}

export function renderSettings(settings: Record<string, string>): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  return `# Written anew at each start. To change a setting: ALTER SYSTEM SET …\n${lines.join("")}`;
}

/** The machine's memory, or the container's where it has a limit. */
export function availableMemory(): number {
  try {
    const limit = Number(readFileSync("/sys/fs/cgroup/memory.max", "utf8"));
    if (limit > 0) return Math.min(limit, totalmem());
  } catch {
    // No control groups here: not Linux, or an old one.
  }
  return totalmem();
}
