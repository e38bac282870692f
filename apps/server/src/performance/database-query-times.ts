import type { QueryInfo } from "@peregrine/database";
import type { DatabasePerformanceBody } from "@peregrine/protocol";

type Times = DatabasePerformanceBody["queries"][number];

/** What each operation on the database has taken in this process since it started. */
export class DatabaseQueryTimes {
  readonly #byName = new Map<string, Omit<Times, "name" | "meanMs">>();

  /** For the pool's `on.query`. */
  add({ name, durationMs, waitMs, error }: QueryInfo): void {
    let times = this.#byName.get(name);
    if (!times) {
      times = { calls: 0, errors: 0, maxMs: 0, totalMs: 0, waitMs: 0 };
      this.#byName.set(name, times);
    }
    times.calls++;
    if (error) times.errors++;
    times.maxMs = Math.max(times.maxMs, durationMs);
    times.totalMs += durationMs;
    times.waitMs += waitMs;
  }

  /** Most time first. */
  read(): Times[] {
    return [...this.#byName]
      .map(([name, times]) => ({ name, ...times, meanMs: times.totalMs / times.calls }))
      .sort((a, b) => b.totalMs - a.totalMs);
  }
}
