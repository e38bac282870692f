import { iso } from "../moments.ts";
import { type Run, read, write } from "../statement.ts";

/** What came of a job when it last ended. */
export type JobResult = { finishedAt: string; result: unknown };

/** Work that one server does for all at set times, whichever comes first. */
export function scheduledJobQueries(run: Run) {
  return {
    /**
     * Takes a job that has not ended within `everySeconds`; no other server takes it for
     * `leaseSeconds`, unless it ends before.
     * @returns whether it is this server's turn
     */
    async claim(name: string, everySeconds: number, leaseSeconds: number): Promise<boolean> {
      return (await run(claim, { name, everySeconds, leaseSeconds })).length > 0;
    },

    async finish(name: string, result: unknown): Promise<void> {
      await run(finish, { name, result: JSON.stringify(result) });
    },

    /** Lets another server try at once: this one could not do it. */
    async release(name: string): Promise<void> {
      await run(release, { name });
    },

    /** @returns null where it never ended */
    async last(name: string): Promise<JobResult | null> {
      const [row] = await run(last, { name });
      return row ? { finishedAt: iso(row.finished_at), result: row.result } : null;
    },
  };
}

const claim = write<{ name: string; everySeconds: number; leaseSeconds: number }, { name: string }>(
  "scheduledJobs.claim",
  `insert into scheduled_jobs as job (name, claimed_until)
  values (:name, now() + make_interval(secs => :leaseSeconds))
  on conflict (name) do update set claimed_until = excluded.claimed_until
  where job.claimed_until <= now()::timestamptz(3)
    and coalesce(job.finished_at, '-infinity')
      <= (now() - make_interval(secs => :everySeconds))::timestamptz(3)
  returning name`,
);

const finish = write<{ name: string; result: string }, never>(
  "scheduledJobs.finish",
  `update scheduled_jobs set claimed_until = now(), finished_at = now(),
    result = :result::text::jsonb
  where name = :name`,
);

const release = write<{ name: string }, never>(
  "scheduledJobs.release",
  "update scheduled_jobs set claimed_until = now() where name = :name",
);

const last = read<{ name: string }, { finished_at: Date; result: unknown }>(
  "scheduledJobs.last",
  "select finished_at, result from scheduled_jobs where name = :name and finished_at is not null",
);
