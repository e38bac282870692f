import type { Database, InterruptedAnswer } from "@peregrine/database";
import { type Log, Recurring } from "@peregrine/process";

const heartbeatMs = 5_000;
/** Three heartbeats may be lost before a server counts as dead. */
const leaseSeconds = 20;
const housekeepingMs = 10 * 60_000;

type Options = {
  database: Database;
  log: Log;
  serverId: string;
  /** No other server can use this database: whatever runs in it was left by one that died. */
  isAlone: boolean;
  onInterrupted(answers: InterruptedAnswer[]): Promise<void>;
};

/**
 * Says that this server lives, and looks after what dead ones left: their answers are marked
 * interrupted, so that nobody waits for them.
 */
export async function keepLease(options: Options): Promise<{ stop(): Promise<void> }> {
  const { database, log, serverId, isAlone, onInterrupted } = options;
  async function heartbeat(): Promise<void> {
    await database.servers.heartbeat(serverId);
    await report(await database.servers.interruptOrphans(leaseSeconds));
  }

  async function deleteExpired(): Promise<void> {
    await Promise.all([database.sessions.deleteExpired(), database.attempts.deleteExpired()]);
  }

  async function report(interrupted: InterruptedAnswer[]): Promise<void> {
    if (interrupted.length === 0) return;
    log.warn({ answers: interrupted.length }, "marked the answers of a dead server interrupted");
    await onInterrupted(interrupted);
  }

  if (isAlone) await report(await database.servers.interruptAllRunning());
  await heartbeat();

  const heart = new Recurring(heartbeat, {
    everyMs: heartbeatMs,
    onError: (err) => log.warn({ err }, "the heartbeat failed"),
  });
  const housekeeping = new Recurring(deleteExpired, {
    everyMs: housekeepingMs,
    onError: (err) => log.warn({ err }, "deleting what has expired failed"),
  });

  return {
    async stop() {
      await Promise.all([heart.stop(), housekeeping.stop()]);
      await database.servers.remove(serverId);
    },
  };
}
