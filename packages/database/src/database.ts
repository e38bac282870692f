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
import { fileQueries } from "./queries/files.ts";
import { messageQueries } from "./queries/messages.ts";
import { metricQueries } from "./queries/metrics.ts";
import { serverQueries } from "./queries/servers.ts";
import { sessionQueries } from "./queries/sessions.ts";
import { userQueries } from "./queries/users.ts";
import { warmingQueries } from "./queries/warming.ts";
import { read } from "./statement.ts";

/** The application's database: every operation is one prepared statement. */
export type Database = ReturnType<typeof openDatabase>;

/**
 * Opens a pool of connections; each is made when it is first needed, so this neither waits nor
 * fails. Every operation throws `DatabaseError`s only: unavailable, pool_timeout, invalid_text and
 * so on; what can be expected to happen ("email_taken") is a result and not an error.
 */
export function openDatabase(options: PoolOptions) {
  const pool = new Pool(options);
  const run = pool.run.bind(pool);
  return {
    users: userQueries(run),
    sessions: sessionQueries(run),
    apiKeys: apiKeyQueries(run),
    attempts: attemptQueries(run),
    conversations: conversationQueries(run),
    messages: messageQueries(run),
    answers: answerQueries(run),
    servers: serverQueries(run),
    files: fileQueries(run),
    fileRemovals: fileRemovalQueries(run),
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

    /** Lets running statements end, for `timeoutMs` at most, and closes the connections. */
    close(timeoutMs?: number): Promise<void> {
      return pool.close(timeoutMs);
    },
  };
}

const ping = read<Record<never, never>, { ok: number }>("ping", "select 1 as ok");
