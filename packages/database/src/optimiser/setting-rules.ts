import type { Machine } from "./machine.ts";

/** A setting as pg_settings has it, sizes in bytes and times in milliseconds. */
export type Setting = {
  name: string;
  value: string;
  number: number;
  /** Who may change it, and when: user, superuser, sighup, postmaster. */
  context: string;
};

/** A setting that should be another one. */
export type Finding = {
  name: string;
  was: string;
  wanted: string;
  why: string;
  /** Whether the optimiser may change it by itself; what changes more than speed is for people. */
  isSafe: boolean;
};

const megabyte = 1024 * 1024;
const switches = [
  "enable_seqscan",
  "enable_indexscan",
  "enable_indexonlyscan",
  "enable_bitmapscan",
  "enable_hashjoin",
  "enable_nestloop",
  "enable_mergejoin",
  "enable_sort",
] as const;

/** Every setting that the rules look at. */
export const judgedSettings: readonly string[] = [
  "random_page_cost",
  "effective_cache_size",
  "work_mem",
  "maintenance_work_mem",
  "effective_io_concurrency",
  "jit",
  "shared_buffers",
  "max_wal_size",
  "wal_compression",
  "max_connections",
  "autovacuum",
  "track_counts",
  "fsync",
  "full_page_writes",
  "synchronous_commit",
  "idle_in_transaction_session_timeout",
  ...switches,
];

/**
 * What of the settings does not fit the machine or a chat: many short statements, each of which
 * reads a few rows by an index. Only what is clearly off is named; a choice within reason stays.
 * Of a machine that is not known nothing is said that depends on it.
 */
export function judgeSettings(settings: readonly Setting[], machine: Machine): Finding[] {
  const findings: Finding[] = [];
  const find = (name: string) => settings.find((setting) => setting.name === name);
  const judge = (
    name: string,
    isWrong: (setting: Setting) => boolean,
    wanted: string,
    why: string,
    isSafe = true,
  ) => {
    const setting = find(name);
    if (setting && isWrong(setting))
      findings.push({ name, was: setting.value, wanted, why, isSafe });
  };
  const mega = (bytes: number) => `${Math.round(bytes / megabyte)}MB`;
  const within = (bytes: number, least: number, most: number) =>
    Math.min(most * megabyte, Math.max(least * megabyte, bytes));

  if (machine.hasSolidDisk) {
    judge(
      "random_page_cost",
      (it) => it.number > 2,
      "1.1",
      "on a solid-state disk a random read costs about what the next one does; 4 makes the planner shun indexes",
    );
    judge(
      "effective_io_concurrency",
      (it) => it.number < 16,
      "64",
      "a solid-state disk serves many reads at once",
    );
  }
  const memory = machine.memoryBytes;
  if (memory !== null) {
    const cache = memory * (machine.isShared ? 1 / 2 : 3 / 4);
    judge(
      "effective_cache_size",
      (it) => it.number < memory / 4 || it.number > memory,
      mega(cache),
      `what of ${mega(memory)} of memory can hold pages; with less the planner takes an index's pages to be on the disk`,
    );
    const buffers = within(memory * (machine.isShared ? 1 / 8 : 1 / 4), 32, 16_384);
    judge(
      "shared_buffers",
      (it) => it.number < within(memory / 32, 32, 1024) || it.number > memory * 0.6,
      mega(buffers),
      `${mega(memory)} of memory: an eighth to a quarter of it holds what is read all the time`,
    );
    const perSort = within(memory / 512, 4, 64);
    const connections = find("max_connections")?.number ?? 100;
    judge(
      "work_mem",
      (it) => it.number < 4 * megabyte || it.number * connections > memory,
      mega(Math.min(perSort, within(memory / connections / 2, 1, 64))),
      `each of up to ${connections} connections may take it several times; ${mega(memory)} have to do for all`,
    );
    judge(
      "maintenance_work_mem",
      (it) => it.number < within(memory / 256, 16, 64),
      mega(within(memory / 32, 32, 1024)),
      "building an index and vacuuming go over the data again each time it is full",
    );
  }
  judge(
    "jit",
    (it) => it.value === "on",
    "off",
    "compiling pays for long reports; these statements are over before it is done",
  );
  judge(
    "max_wal_size",
    (it) => it.number < 512 * megabyte,
    "1GB",
    "checkpoints come as often as this much is written, and each makes all pages be written whole again",
  );
  judge(
    "wal_compression",
    (it) => it.value === "pglz" || it.value === "on",
    "off",
    "pglz takes 0.1 ms for each page that is written whole, which asking waits for; lz4 and zstd, where Postgres has them, cost little",
    false,
  );
  judge(
    "autovacuum",
    (it) => it.value === "off",
    "on",
    "without it dead rows stay, statistics age and transaction ids run out",
  );
  judge(
    "track_counts",
    (it) => it.value === "off",
    "on",
    "autovacuum and the optimiser go by them",
  );
  judge(
    "fsync",
    (it) => it.value === "off",
    "on",
    "a crash of the machine can destroy the database",
    false,
  );
  judge(
    "full_page_writes",
    (it) => it.value === "off",
    "on",
    "a crash in the middle of a page destroys it",
    false,
  );
  judge(
    "synchronous_commit",
    (it) => it.value === "off",
    "on",
    "what was acknowledged can be lost in a crash",
    false,
  );
  judge(
    "idle_in_transaction_session_timeout",
    (it) => it.number === 0,
    "5min",
    "a client that hangs in a transaction keeps dead rows from being removed; this ends it, whoever it is",
    false,
  );
  for (const name of switches) {
    judge(
      name,
      (it) => it.value === "off",
      "on",
      "it does not forbid a plan, it makes the planner misjudge all of them",
      false,
    );
  }
  return findings;
}
