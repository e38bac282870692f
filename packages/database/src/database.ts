import { Pool, type PoolOptions, type PoolState } from "./pool.ts";
import { alertQueries } from "./queries/alerts.ts";
import { answerQueries } from "./queries/answers.ts";
import { apiKeyQueries } from "./queries/api-keys.ts";
import { attemptQueries } from "./queries/attempts.ts";
import { auditQueries } from "./queries/audit.ts";
import { cacheWitnessQueries } from "./queries/cache-witness.ts";
import { conversationQueries } from "./queries/conversations.ts";
import { documentQueries } from "./queries/documents.ts";
import { fileRemovalQueries } from "./queries/file-removals.ts";
import { fileSweepQueries } from "./queries/file-sweeps.ts";
import { fileQueries } from "./queries/files.ts";
import { messageQueries } from "./queries/messages.ts";
import { metricQueries } from "./queries/metrics.ts";
import { scheduledJobQueries } from "./queries/scheduled-jobs.ts";
import { searchQueries } from "./queries/search.ts";
import { serverQueries } from "./queries/servers.ts";
import { sessionQueries } from "./queries/sessions.ts";
import { uploadQueries } from "./queries/uploads.ts";
import { userQueries } from "./queries/users.ts";
import { warmingQueries } from "./queries/warming.ts";
import { type ReplicaState, Replicas } from "./replicas/replicas.ts";
import { type Run, read } from "./statement.ts";

export type DatabaseOptions = PoolOptions & {
  /** Read-only copies, for searches. */
  replicaUrls?: readonly string[];
};

/** The application's database: every operation is one prepared statement. */
export type Database = ReturnType<typeof openDatabase>;

/**
 * Opens a pool of connections; each is made when it is first needed, so this neither waits nor
 * fails. Every operation throws `DatabaseError`s only: unavailable, pool_timeout, invalid_text and
 * so on; what can be expected to happen ("email_taken") is a result and not an error.
 */
export function openDatabase({ replicaUrls = [], ...options }: DatabaseOptions) {
  const pool = new Pool(options);
  const searchOptions = { ...options, ...searchPoolOptions };
  const searchPool = new Pool(searchOptions);
  const run: Run = pool.run.bind(pool);
  const runSearch: Run = searchPool.run.bind(searchPool);
  const replicas =
    replicaUrls.length === 0
      ? undefined
      : new Replicas({
          primary: pool,
          replicas: replicaUrls.map((url) => ({
            name: new URL(url).host,
            pool: new Pool({ ...searchOptions, url, target: "replica" }),
          })),
          fallback: runSearch,
        });

  return {
    users: userQueries(run),
    sessions: sessionQueries(run),
    apiKeys: apiKeyQueries(run),
    attempts: attemptQueries(run),
    conversations: conversationQueries(run),
    messages: messageQueries(run),
    answers: answerQueries(run),
    servers: serverQueries(run),
    search: searchQueries(runSearch, replicas),
    files: fileQueries(run),
    fileRemovals: fileRemovalQueries(run),
    fileSweeps: fileSweepQueries(run),
    uploads: uploadQueries(run),
    scheduledJobs: scheduledJobQueries(run),
    documents: documentQueries(run),
    cacheWitness: cacheWitnessQueries(run),
    warming: warmingQueries(run),
    metrics: metricQueries(run),
    alerts: alertQueries(run),
    audit: auditQueries(run),

    /** Whether a statement goes through. @throws DatabaseError */
    async ping(): Promise<void> {
      await run(ping, {});
    },

    get pool(): PoolState {
      return pool.state;
    },

    /** How the replicas stand; none where there are none. */
    get replicas(): ReplicaState[] {
      return replicas?.states ?? [];
    },

    /** Lets running statements end, for `timeoutMs` at most, and closes the connections. */
    async close(timeoutMs?: number): Promise<void> {
      await replicas?.close(timeoutMs);
      await Promise.all([pool.close(timeoutMs), searchPool.close(timeoutMs)]);
    },
  };
}

/**
 * Search has few connections of its own, so that a slow one delays other searches at most. It would
 * rather fail than keep somebody waiting who types on.
 */
const searchPoolOptions = {
  poolSize: 4,
  maxOverflow: 0,
  poolTimeoutMs: 5_000,
  statementTimeoutMs: 5_000,
  lockTimeoutMs: 2_000,
};

const ping = read<Record<never, never>, { ok: number }>("ping", "select 1 as ok");
