import { DatabaseError } from "../errors.ts";
import type { Pool } from "../pool.ts";
import { only, type Run, read } from "../statement.ts";
import { parseLogPosition } from "./log-position.ts";
import { PrimaryPositions } from "./primary-positions.ts";

/** A read-only copy, and where it can be reached. */
type ReplicaPool = { name: string; pool: Pool };

type Replica = ReplicaPool & {
  /** How far it has come; undefined while it is not to be used. */
  replayed: bigint | undefined;
  /** How far it had come when it last answered, and when that was. */
  seen: bigint;
  seenAt: number;
};

/** How a replica stands. */
export type ReplicaState = {
  /** Host and port. */
  name: string;
  /** Whether it answers. */
  isReachable: boolean;
  /** How far it is behind, or for how long it has not answered. */
  lagMs: number;
};

type Options = {
  primary: Pool;
  replicas: ReplicaPool[];
  /** Where a read goes that no replica may answer. */
  fallback: Run;
  /** A replica that is further behind is not read from. */
  maxLagMs?: number;
  /** How often all are asked how far they are. */
  everyMs?: number;
};

/**
 * Sends reads to read-only copies of the database, in turn.
 *
 * Who reads says from which position of the log (LSN) on: a replica that has not replayed it, or is
 * more than `maxLagMs` behind, is not asked. Then, without a position, and when a replica fails, the
 * read goes to the primary: at once, nobody waits for a replica to catch up.
 *
 * A position that was asked for after a write was acknowledged lies beyond that write, whichever
 * server wrote it. So a reader who knows that nothing was written since reads the last write.
 */
export class Replicas {
  readonly #primary: Pool;
  readonly #replicas: Replica[];
  readonly #fallback: Run;
  readonly #positions: PrimaryPositions;
  readonly #timer: Timer;
  #isAsking = false;
  #next = 0;

  constructor({ primary, replicas, fallback, maxLagMs = 5_000, everyMs = 250 }: Options) {
    this.#primary = primary;
    const seenAt = performance.now();
    this.#replicas = replicas.map((replica) => ({
      ...replica,
      replayed: undefined,
      seen: 0n,
      seenAt,
    }));
    this.#fallback = fallback;
    this.#positions = new PrimaryPositions(maxLagMs);
    this.#timer = setInterval(() => void this.#ask(), everyMs);
    void this.#ask();
  }

  /** Where the primary's log is now. @throws DatabaseError */
  async logPosition(): Promise<string> {
    return only(await this.#primary.run(primaryPosition, {})).position;
  }

  /** How to send the reads that must see at least what `position` covers. */
  from(position: string): Run {
    const least = parseLogPosition(position);
    return async (statement, args) => {
      const replica = this.#choose(least);
      if (!replica) return this.#fallback(statement, args);
      try {
        return await replica.pool.run(statement, args);
      } catch (error) {
        // One that took too long would only do so again.
        if (!(error instanceof DatabaseError) || error.code === "statement_timeout") throw error;
        if (error.code === "unavailable") replica.replayed = undefined;
        return this.#fallback(statement, args);
      }
    };
  }

  get states(): ReplicaState[] {
    const now = performance.now();
    return this.#replicas.map(({ name, replayed, seen, seenAt }) => ({
      name,
      isReachable: replayed !== undefined,
      lagMs: replayed === undefined ? now - seenAt : this.#positions.lagMs(seen, now),
    }));
  }

  async close(timeoutMs?: number): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#replicas.map(({ pool }) => pool.close(timeoutMs)));
  }

  #choose(least: bigint): Replica | undefined {
    const floor = this.#positions.floor(performance.now());
    if (floor === undefined) return undefined;
    const needed = least > floor ? least : floor;
    for (let i = 0; i < this.#replicas.length; i++) {
      const replica = this.#replicas[this.#next++ % this.#replicas.length];
      if (replica?.replayed !== undefined && replica.replayed >= needed) return replica;
    }
    return undefined;
  }

  async #ask(): Promise<void> {
    // A replica that hangs is asked once, not every quarter of a second.
    if (this.#isAsking) return;
    this.#isAsking = true;
    await Promise.all([this.#askPrimary(), ...this.#replicas.map((r) => this.#askReplica(r))]);
    this.#isAsking = false;
  }

  async #askPrimary(): Promise<void> {
    const askedAt = performance.now();
    try {
      this.#positions.add(parseLogPosition(await this.logPosition()), askedAt);
    } catch {
      // The primary is away: what is asked of it fails by itself, and is told there.
    }
  }

  async #askReplica(replica: Replica): Promise<void> {
    try {
      const [row] = await replica.pool.run(replicaPosition, {});
      replica.replayed = row?.position ? parseLogPosition(row.position) : undefined;
      if (replica.replayed === undefined) return;
      replica.seen = replica.replayed;
      replica.seenAt = performance.now();
      const seen = this.#replicas.map(({ seen }) => seen).sort((a, b) => Number(a - b));
      this.#positions.forget(seen[0] ?? 0n, replica.seenAt);
    } catch {
      // Away. It is asked again, and until it answers nothing is read there.
      replica.replayed = undefined;
    }
  }
}

const primaryPosition = read<Record<never, never>, { position: string }>(
  "replicas.primaryPosition",
  "select pg_current_wal_insert_lsn()::text as position",
);

/** Null where it is no replica, or none any more. */
const replicaPosition = read<Record<never, never>, { position: string | null }>(
  "replicas.replayed",
  `select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text end as position`,
);
