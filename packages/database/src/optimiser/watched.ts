import type { BlockingSession } from "@peregrine/protocol";
import { DatabaseError } from "../errors.ts";
import type { AdminConnection, Query } from "./admin-connection.ts";

type BuildProgress = { phase: string; fraction: number | null };

/** What is seen of a statement while it runs. */
type Sight = { blockedBy: BlockingSession[]; build: BuildProgress | null };

export type WatchOptions = {
  /** Runs the statement. */
  work: AdminConnection;
  /** Looks at it, and ends it. */
  watch: AdminConnection;
  /** The time it may spend behind other sessions, in all. */
  blockedMs: number;
  pollMs: number;
  /** Ends the statement. */
  signal: AbortSignal;
  onSight?: (sight: Sight) => void;
};

/** The statement spent its whole budget behind other sessions, and was ended. */
export class BlockedTooLongError extends Error {
  override readonly name = "BlockedTooLongError";
  readonly sessions: BlockingSession[];

  constructor(blockedMs: number, sessions: BlockingSession[]) {
    const seconds = Math.round(blockedMs / 1000);
    super(`ended after ${seconds} s behind ${sessions.map(describeSession).join(", ")}`);
    this.sessions = sessions;
  }
}

/** The job was cancelled while the statement ran. */
export class JobCancelledError extends Error {
  override readonly name = "JobCancelledError";

  constructor() {
    super("the job was cancelled");
  }
}

/**
 * Runs a statement that may take hours, without a time limit of Postgres', and looks after it: who
 * holds it up, how far it is, whether its budget of waiting is spent or the job was cancelled. Time
 * at work costs nothing of the budget, time behind another session does.
 *
 * @returns milliseconds in all and behind others
 * @throws BlockedTooLongError, JobCancelledError, DatabaseError
 */
export async function runWatched(
  statement: string,
  options: WatchOptions,
): Promise<{ durationMs: number; blockedMs: number }> {
  const { work, watch, signal, pollMs } = options;
  if (signal.aborted) throw new JobCancelledError();
  const startedMs = performance.now();
  let isDone = false;
  const running = work.query(statement).finally(() => {
    isDone = true;
  });
  // Waits without throwing; what went wrong is thrown at the end.
  const done = running.then(
    () => {},
    () => {},
  );
  const aborted = Promise.withResolvers<void>();
  const wake = () => aborted.resolve();
  signal.addEventListener("abort", wake, { once: true });

  let blockedMs = 0;
  let ended: Error | undefined;
  let sightedMs = startedMs;
  while (!isDone) {
    await firstOf(ended ? [done] : [done, aborted.promise], pollMs);
    if (isDone) break;
    if (signal.aborted) ended ??= new JobCancelledError();
    // A look that fails is not the statement's failure: the next one may succeed.
    const sight = ended ? undefined : await look(watch.query, work.pid).catch(() => undefined);
    const nowMs = performance.now();
    if (sight) {
      if (sight.blockedBy.length > 0) blockedMs += nowMs - sightedMs;
      options.onSight?.(sight);
      if (blockedMs > options.blockedMs) {
        ended = new BlockedTooLongError(blockedMs, sight.blockedBy);
      }
    }
    sightedMs = nowMs;
    // Sent again each time: one that arrives before the statement has begun ends nothing.
    if (ended && !isDone) {
      await watch.query("select pg_cancel_backend($1::int)", [work.pid]).catch(() => {});
    }
  }
  signal.removeEventListener("abort", wake);
  try {
    await running;
  } catch (error) {
    const wasCancelled = error instanceof DatabaseError && error.code === "statement_timeout";
    throw ended && wasCancelled ? ended : error;
  }
  return { durationMs: performance.now() - startedMs, blockedMs };
}

async function firstOf(promises: Promise<void>[], orAfterMs: number): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, orAfterMs);
  });
  await Promise.race([...promises, late]);
  clearTimeout(timer);
}

async function look(query: Query, pid: number): Promise<Sight> {
  const blockedBy = await query<BlockingSession>(
    // Postgres names a prepared transaction, which has no session, by 0.
    `select distinct blocker as pid, usename::text as user,
      case blocker when 0 then 'a prepared transaction' else application_name end as application,
      state, (extract(epoch from clock_timestamp() - xact_start) * 1000)::float8 as "transactionAgeMs"
    from unnest(pg_blocking_pids($1::int)) as blocker
    left join pg_stat_activity on pid = blocker`,
    [pid],
  );
  const [build] = await query<BuildProgress>(
    `select phase, case
        when lockers_total > 0 then lockers_done::float8 / lockers_total
        when tuples_total > 0 then tuples_done::float8 / tuples_total
        when blocks_total > 0 then blocks_done::float8 / blocks_total
      end as fraction
    from pg_stat_progress_create_index where pid = $1::int`,
    [pid],
  );
  return { blockedBy, build: build ?? null };
}

/** "session 4711 (app of web, idle in transaction, its transaction open for 12 s)" */
function describeSession(session: BlockingSession): string {
  const { pid, user, application, state, transactionAgeMs } = session;
  const facts = [
    application && user ? `${application} of ${user}` : (application ?? user),
    state,
    transactionAgeMs === null
      ? null
      : `its transaction open for ${Math.round(transactionAgeMs / 1000)} s`,
  ].filter((fact) => fact);
  return `session ${pid}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}`;
}
