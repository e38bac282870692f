import { type Run, read, write } from "../statement.ts";

/**
 * Which servers write while they are cut off from the log of invalidations. Whoever can write can
 * say so here, since it is the same database.
 */
export function cacheWitnessQueries(run: Run) {
  return {
    async detached(): Promise<{ node: string; silentMs: number }[]> {
      const rows = await run(detached, {});
      return rows.map(({ node, silent_ms }) => ({ node, silentMs: silent_ms }));
    },

    async enter(node: string): Promise<void> {
      await run(enter, { node });
    },

    async leave(node: string): Promise<void> {
      await run(leave, { node });
    },
  };
}

const detached = read<Record<never, never>, { node: string; silent_ms: number }>(
  "cacheWitness.detached",
  `select node, extract(epoch from clock_timestamp() - said_at)::float8 * 1000 as silent_ms
  from cache_witness`,
);

const enter = write<{ node: string }, never>(
  "cacheWitness.enter",
  `insert into cache_witness (node, said_at) values (:node, clock_timestamp())
  on conflict (node) do update set said_at = clock_timestamp()`,
);

const leave = write<{ node: string }, never>(
  "cacheWitness.leave",
  `delete from cache_witness where node = :node`,
);
