import { only, type Run, read, write } from "../statement.ts";

/** An answer that lost its server, with what is needed to tell its owner. */
export type InterruptedAnswer = { messageId: string; conversationId: string; userId: string };

/**
 * Which server processes are alive. A server writes its heartbeat well within the lease; the
 * answers of one that did not are marked interrupted by whichever server looks next.
 */
export function serverQueries(run: Run) {
  return {
    /** Registers the server, or says that it is still there. Forgets those a day away. */
    async heartbeat(serverId: string): Promise<void> {
      await run(heartbeat, { serverId });
    },

    /** @param leaseSeconds how long ago the last heartbeat may be. */
    async interruptOrphans(leaseSeconds: number): Promise<InterruptedAnswer[]> {
      return toInterrupted(await run(interruptOrphans, { leaseSeconds }));
    },

    /** For the one server of an embedded Postgres, at its start: no other can be alive. */
    async interruptAllRunning(): Promise<InterruptedAnswer[]> {
      return toInterrupted(await run(interruptOrphans, { leaseSeconds: -1 }));
    },

    /**
     * Servers that were there within the last hour and have not been heard of for a while, without
     * having signed off.
     */
    async countSilent(silentSeconds: number): Promise<number> {
      return only(await run(countSilent, { silentSeconds })).count;
    },

    /** Signs off; answers that it left running are orphans at once. */
    async remove(serverId: string): Promise<void> {
      await run(removeServer, { serverId });
    },
  };
}

type InterruptedRow = { id: string; conversation_id: string; user_id: string };

function toInterrupted(rows: InterruptedRow[]): InterruptedAnswer[] {
  return rows.map((row) => ({
    messageId: row.id,
    conversationId: row.conversation_id,
    userId: row.user_id,
  }));
}

const heartbeat = write<{ serverId: string }, never>(
  "servers.heartbeat",
  `with gone as (delete from servers where last_seen_at < now() - interval '1 day')
  insert into servers (id) values (:serverId)
  on conflict (id) do update set last_seen_at = now()`,
);

const interruptOrphans = write<{ leaseSeconds: number }, InterruptedRow>(
  "servers.interruptOrphans",
  `update messages set status = 'interrupted', finished_at = now(), error_code = 'interrupted',
    error_message = 'The server stopped while it was writing this answer.'
  where id in (
    select id from messages
    where status = 'running' and not exists (
      select 1 from servers where servers.id = messages.server_id
        and last_seen_at > now() - make_interval(secs => :leaseSeconds::float8)
    )
    order by id for update skip locked
  )
  returning id, conversation_id, user_id`,
);

const countSilent = read<{ silentSeconds: number }, { count: number }>(
  "servers.countSilent",
  `select count(*)::int as count from servers
  where last_seen_at < now() - make_interval(secs => :silentSeconds::float8)
    and last_seen_at > now() - interval '1 hour'`,
);

const removeServer = write<{ serverId: string }, never>(
  "servers.remove",
  `delete from servers where id = :serverId`,
);
