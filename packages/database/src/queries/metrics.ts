import { only, type Run, read, write } from "../statement.ts";

/** A packed slot; what is in it is known to whoever packed it. */
export type PackedSlot = { step: number; atMs: number; data: Uint8Array };
export type ServerPackedSlot = PackedSlot & { server: string };

/** How long slots of a step are kept. */
export type Retention = { step: number; keptSeconds: number };

/** Figures over time, of all servers. */
export function metricQueries(run: Run) {
  return {
    /** @returns the number that stands for the server of this name from now on. */
    async registerServer(name: string): Promise<number> {
      return only(await run(registerServer, { name })).id;
    },

    /** Saves slots of a server; one that is there already is replaced. */
    async save(serverId: number, slots: readonly PackedSlot[]): Promise<void> {
      await run(saveSlots, {
        serverId,
        steps: slots.map(({ step }) => String(step)),
        moments: slots.map(({ atMs }) => new Date(atMs).toISOString()),
        data: slots.map(({ data }) => Buffer.from(data).toString("base64")),
      });
    },

    /** The slots of one server that began at these times, as far as there are any. */
    async load(
      serverId: number,
      wanted: readonly { step: number; atMs: number }[],
    ): Promise<PackedSlot[]> {
      const rows = await run(loadSlots, {
        serverId,
        steps: wanted.map(({ step }) => String(step)),
        moments: wanted.map(({ atMs }) => new Date(atMs).toISOString()),
      });
      return rows.map(({ step, at, data }) => ({ step, atMs: at.getTime(), data }));
    },

    /** @param server its name; null for all */
    async range(
      step: number,
      fromMs: number,
      toMs: number,
      server: string | null,
    ): Promise<ServerPackedSlot[]> {
      const rows = await run(rangeOfSlots, {
        step,
        from: new Date(fromMs),
        until: new Date(toMs),
        server,
      });
      return rows.map(({ name, at, data }) => ({ server: name, step, atMs: at.getTime(), data }));
    },

    /** Servers that have kept figures lately, by name. */
    async servers(): Promise<{ name: string; lastSeenMs: number }[]> {
      const rows = await run(listServers, {});
      return rows.map(({ name, last_seen_at }) => ({ name, lastSeenMs: last_seen_at.getTime() }));
    },

    /** Forgets slots that have been kept for long enough, and servers that have none left. */
    async prune(retention: readonly Retention[]): Promise<void> {
      await run(pruneSlots, {
        steps: retention.map(({ step }) => String(step)),
        seconds: retention.map(({ keptSeconds }) => String(keptSeconds)),
      });
      await run(pruneServers, {});
    },
  };
}

const registerServer = write<{ name: string }, { id: number }>(
  "metrics.registerServer",
  `insert into metric_servers (name) values (:name)
  on conflict (name) do update set last_seen_at = now()
  returning id`,
);

// The data come as text, since the driver has no arrays of bytes.
const saveSlots = write<
  { serverId: number; steps: string[]; moments: string[]; data: string[] },
  never
>(
  "metrics.save",
  `with seen as (update metric_servers set last_seen_at = now() where id = :serverId)
  insert into metric_slots (step, at, server_id, data)
  select step::smallint, moment::timestamptz, :serverId::int, decode(packed, 'base64')
  from unnest(:steps::text[], :moments::text[], :data::text[]) as slots (step, moment, packed)
  on conflict (step, at, server_id) do update set data = excluded.data`,
);

const loadSlots = read<
  { serverId: number; steps: string[]; moments: string[] },
  { step: number; at: Date; data: Uint8Array }
>(
  "metrics.load",
  `select s.step, s.at, s.data
  from unnest(:steps::text[], :moments::text[]) as wanted (step, moment)
  join metric_slots s on s.step = wanted.step::smallint and s.at = wanted.moment::timestamptz
    and s.server_id = :serverId::int`,
);

const rangeOfSlots = read<
  { step: number; from: Date; until: Date; server: string | null },
  { name: string; at: Date; data: Uint8Array }
>(
  "metrics.range",
  `select n.name, s.at, s.data
  from metric_slots s join metric_servers n on n.id = s.server_id
  where s.step = :step::smallint and s.at >= :from and s.at < :until
    and (:server::text is null or n.name = :server)
  order by s.at`,
);

const listServers = read<Record<never, never>, { name: string; last_seen_at: Date }>(
  "metrics.servers",
  `select name, last_seen_at from metric_servers order by name`,
);

const pruneSlots = write<{ steps: string[]; seconds: string[] }, never>(
  "metrics.prune",
  `delete from metric_slots s using unnest(:steps::text[], :seconds::text[]) as kept (step, seconds)
  where s.step = kept.step::smallint
    and s.at < now() - make_interval(secs => kept.seconds::float8)`,
);

const pruneServers = write<Record<never, never>, never>(
  "metrics.pruneServers",
  `delete from metric_servers n where last_seen_at < now() - interval '1 day'
    and not exists (select 1 from metric_slots s where s.server_id = n.id)`,
);
