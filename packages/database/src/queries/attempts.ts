import { only, type Run, write } from "../statement.ts";

/** Counts of attempts in a fixed window by key, shared by all servers; a crash forgets them. */
export function attemptQueries(run: Run) {
  return {
    /** Counts one more. A window begins with its first attempt. */
    async count(
      key: string,
      windowSeconds: number,
    ): Promise<{ count: number; retryAfterSeconds: number }> {
      const row = only(await run(countAttempt, { key, windowSeconds }));
      return { count: row.count, retryAfterSeconds: row.retry_after };
    },

    async clear(keys: string[]): Promise<void> {
      await run(clearAttempts, { keys });
    },

    async deleteExpired(): Promise<void> {
      await run(deleteExpiredAttempts, {});
    },
  };
}

const countAttempt = write<
  { key: string; windowSeconds: number },
  { count: number; retry_after: number }
>(
  "attempts.count",
  `insert into attempts as a (key, window_ends_at, count)
  values (:key, now() + make_interval(secs => :windowSeconds::float8), 1)
  on conflict (key) do update set
    count = case when a.window_ends_at <= now() then 1 else a.count + 1 end,
    window_ends_at =
      case when a.window_ends_at <= now() then excluded.window_ends_at else a.window_ends_at end
  returning count, ceil(extract(epoch from window_ends_at - now()::timestamptz(3)))::int as retry_after`,
);

const clearAttempts = write<{ keys: string[] }, never>(
  "attempts.clear",
  `delete from attempts where key = any(:keys::text[])`,
);

const deleteExpiredAttempts = write<Record<never, never>, never>(
  "attempts.deleteExpired",
  `delete from attempts where window_ends_at <= now()`,
);
