import { DatabaseError, DatabaseUnavailableError } from "../errors.ts";
import { optimiserLock } from "../queries/optimiser-runs.ts";
import { AdminConnection } from "./admin-connection.ts";
import { pause } from "./job-context.ts";

/** How long Postgres may be away before a job gives up. */
const awayMs = 60_000;

/**
 * The two connections of a job. The one that looks also holds the lock that makes the job the only
 * one, so that a long statement on the other can be cut off without losing it. Both are opened
 * again when they broke, also over a restart of Postgres.
 */
export class JobConnections {
  readonly #url: string;
  #watch: AdminConnection;
  #work: AdminConnection;

  private constructor(url: string, watch: AdminConnection, work: AdminConnection) {
    this.#url = url;
    this.#watch = watch;
    this.#work = work;
  }

  /** @returns null while another job holds the lock. @throws DatabaseError */
  static async open(url: string): Promise<JobConnections | null> {
    const watch = await AdminConnection.open(url);
    try {
      if (!(await tryLock(watch))) {
        await watch.close();
        return null;
      }
      return new JobConnections(url, watch, await openWork(url));
    } catch (error) {
      await watch.close();
      throw error;
    }
  }

  get watch(): AdminConnection {
    return this.#watch;
  }

  get work(): AdminConnection {
    return this.#work;
  }

  /** @throws DatabaseError where Postgres stays away, or another job has begun meanwhile. */
  async repair(signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + awayMs;
    while (this.#watch.isLost || this.#work.isLost) {
      try {
        if (this.#watch.isLost) this.#watch = await this.#reopenWatch();
        if (this.#work.isLost) {
          await this.#work.close();
          this.#work = await openWork(this.#url);
        }
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError)) throw error;
        if (performance.now() > untilMs || signal.aborted) throw error;
        await pause(500, signal);
      }
    }
  }

  async close(): Promise<void> {
    // The lock goes last.
    await this.#work.close();
    await this.#watch.close();
  }

  async #reopenWatch(): Promise<AdminConnection> {
    await this.#watch.close();
    const watch = await AdminConnection.open(this.#url);
    if (await tryLock(watch)) return watch;
    await watch.close();
    throw new DatabaseError("unexpected", "the connection broke, and another job began meanwhile");
  }
}

async function tryLock(connection: AdminConnection): Promise<boolean> {
  const [row] = await connection.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(${optimiserLock}) as locked`,
  );
  return row?.locked ?? false;
}

async function openWork(url: string): Promise<AdminConnection> {
  const work = await AdminConnection.open(url);
  // A backend that lost its client would go on building. Not every system can tell it.
  await work.query("set client_connection_check_interval = '5s'").catch(() => {});
  await work.query(`select set_config('maintenance_work_mem', '256MB', false)
    where pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('256MB')
      and pg_size_bytes(current_setting('shared_buffers')) >= pg_size_bytes('512MB')`);
  return work;
}
