import { newId } from "../ids.ts";
import { only, type Run, read, write } from "../statement.ts";

/*
 * States, rules and notes are JSON that is known to whoever packs them; here they are kept. They are
 * sent as text, since the driver would make text of a text once more.
 */

export type StoredSilence = {
  id: string;
  ruleId: string | null;
  untilMs: number;
  reason: string;
  createdBy: string;
};
export type StoredAlertEvent = {
  id: string;
  ruleId: string;
  kind: "firing" | "resolved";
  atMs: number;
  value: number | null;
};
export type StoredDelivery = { id: string; receiver: string; notes: unknown; attempts: number };
export type StoredState = { ruleId: string; state: unknown; acknowledgedBy: string | null };
export type AlertChanges = {
  states: readonly { ruleId: string; state: unknown }[];
  events: readonly {
    ruleId: string;
    kind: "firing" | "resolved";
    atMs: number;
    value: number | null;
  }[];
  deliveries: readonly { receiver: string; notes: unknown }[];
};

/** Rules, states, silences and deliveries of alerts, for all servers together. */
export function alertQueries(run: Run) {
  return {
    /** Takes or keeps the lease. @returns whether this server has it now */
    async lead(serverId: string, leaseSeconds: number): Promise<boolean> {
      return (await run(takeLease, { serverId, leaseSeconds })).length > 0;
    },

    /** Gives the lease up, so that another server need not wait for its end. */
    async resign(serverId: string): Promise<void> {
      await run(giveUpLease, { serverId });
    },

    async rules(): Promise<{ rule: unknown; updatedBy: string }[]> {
      const rows = await run(listRules, {});
      return rows.map(({ rule, updated_by }) => ({ rule, updatedBy: updated_by }));
    },

    async saveRule(id: string, rule: unknown, updatedBy: string): Promise<void> {
      await run(saveRule, { id, rule: JSON.stringify(rule), updatedBy });
    },

    /** @returns whether there was one */
    async deleteRule(id: string): Promise<boolean> {
      return (await run(deleteRule, { id })).length > 0;
    },

    async states(): Promise<StoredState[]> {
      const rows = await run(listStates, {});
      return rows.map((row) => ({
        ruleId: row.rule_id,
        state: row.state,
        acknowledgedBy: row.acknowledged_by,
      }));
    },

    /** How many alerts fire, but for those that always do. */
    async countFiring(): Promise<number> {
      return only(await run(countFiring, {})).count;
    },

    /** @returns whether it fires, and so could be acknowledged */
    async acknowledge(ruleId: string, by: string): Promise<boolean> {
      return (await run(acknowledge, { ruleId, by })).length > 0;
    },

    /** Silences that are not over. */
    async silences(): Promise<StoredSilence[]> {
      const rows = await run(listSilences, {});
      return rows.map((row) => ({
        id: row.id,
        ruleId: row.rule_id,
        untilMs: row.until.getTime(),
        reason: row.reason,
        createdBy: row.created_by,
      }));
    },

    async silence(silence: StoredSilence): Promise<void> {
      const { id, ruleId, untilMs, reason, createdBy } = silence;
      await run(addSilence, { id, ruleId, until: new Date(untilMs), reason, createdBy });
    },

    /** @returns whether there was one */
    async endSilence(id: string): Promise<boolean> {
      return (await run(endSilence, { id })).length > 0;
    },

    /** What a look at the rules has found: all of it, or nothing. Forgets what is a month old. */
    async commit({ states, events, deliveries }: AlertChanges): Promise<void> {
      await run(commitChanges, {
        states: JSON.stringify(states),
        events: JSON.stringify(
          events.map(({ atMs, ...event }) => ({ ...event, id: newId(), at: new Date(atMs) })),
        ),
        deliveries: JSON.stringify(deliveries.map((delivery) => ({ ...delivery, id: newId() }))),
      });
    },

    /** The newest first. */
    async events(sinceMs: number): Promise<StoredAlertEvent[]> {
      const rows = await run(listEvents, { since: new Date(sinceMs) });
      return rows.map((row) => ({
        id: row.id,
        ruleId: row.rule_id,
        kind: row.kind,
        atMs: row.at.getTime(),
        value: row.value,
      }));
    },

    /** Deliveries whose time has come, in the order that they were made. */
    async due(): Promise<StoredDelivery[]> {
      const rows = await run(listDue, {});
      return rows.map(({ id, receiver, notes, attempts }) => ({ id, receiver, notes, attempts }));
    },

    async delivered(id: string): Promise<void> {
      await run(deleteDelivery, { id });
    },

    /** @param againInMs null to give it up */
    async deliveryFailed(id: string, error: string, againInMs: number | null): Promise<void> {
      const againInSeconds = againInMs === null ? null : againInMs / 1000;
      await run(putOffDelivery, { id, error, againInSeconds });
    },
  };
}

const takeLease = write<{ serverId: string; leaseSeconds: number }, { holder: string }>(
  "alerts.lead",
  `insert into alert_lease as l (id, holder, until)
  values (1, :serverId, now() + make_interval(secs => :leaseSeconds::float8))
  on conflict (id) do update set holder = excluded.holder, until = excluded.until
    where l.holder = excluded.holder or l.until < now()
  returning holder`,
);

const giveUpLease = write<{ serverId: string }, never>(
  "alerts.resign",
  `delete from alert_lease where holder = :serverId`,
);

const listRules = read<Record<never, never>, { rule: unknown; updated_by: string }>(
  "alerts.rules",
  `select rule, updated_by from alert_rules order by id`,
);

const saveRule = write<{ id: string; rule: string; updatedBy: string }, never>(
  "alerts.saveRule",
  `insert into alert_rules (id, rule, updated_by) values (:id, :rule::text::jsonb, :updatedBy)
  on conflict (id) do update
    set rule = excluded.rule, updated_by = excluded.updated_by, updated_at = now()`,
);

const deleteRule = write<{ id: string }, { id: string }>(
  "alerts.deleteRule",
  `with state as (delete from alert_states where rule_id = :id)
  delete from alert_rules where id = :id returning id`,
);

const listStates = read<
  Record<never, never>,
  { rule_id: string; state: unknown; acknowledged_by: string | null }
>("alerts.states", `select rule_id, state, acknowledged_by from alert_states`);

const countFiring = read<Record<never, never>, { count: number }>(
  "alerts.countFiring",
  `select count(*)::int as count from alert_states
  where state ->> 'state' = 'firing' and rule_id <> 'heartbeat'`,
);

const acknowledge = write<{ ruleId: string; by: string }, { rule_id: string }>(
  "alerts.acknowledge",
  `update alert_states set acknowledged_by = :by
  where rule_id = :ruleId and state ->> 'state' = 'firing' returning rule_id`,
);

const listSilences = read<
  Record<never, never>,
  { id: string; rule_id: string | null; until: Date; reason: string; created_by: string }
>(
  "alerts.silences",
  `select id, rule_id, until, reason, created_by from alert_silences
  where until > now() order by until`,
);

const addSilence = write<
  { id: string; ruleId: string | null; until: Date; reason: string; createdBy: string },
  never
>(
  "alerts.silence",
  `with over as (delete from alert_silences where until < now() - interval '30 days')
  insert into alert_silences (id, rule_id, until, reason, created_by)
  values (:id, :ruleId, :until, :reason, :createdBy)`,
);

const endSilence = write<{ id: string }, { id: string }>(
  "alerts.endSilence",
  // A moment ago: stored moments are rounded, and so may lie ahead of now.
  `update alert_silences set until = now() - interval '1 second' where id = :id and until > now() returning id`,
);

const commitChanges = write<{ states: string; events: string; deliveries: string }, never>(
  "alerts.commit",
  `with new_states as (
    insert into alert_states as s (rule_id, state)
    select "ruleId", state
    from jsonb_to_recordset(:states::text::jsonb) as given ("ruleId" text, state jsonb)
    on conflict (rule_id) do update set state = excluded.state,
      acknowledged_by = case when excluded.state ->> 'state' = 'firing' then s.acknowledged_by end
  ), new_events as (
    insert into alert_events (id, rule_id, kind, at, value)
    select id, "ruleId", kind, at, value
    from jsonb_to_recordset(:events::text::jsonb)
      as given (id uuid, "ruleId" text, kind text, at timestamptz, value float8)
  ), old_events as (
    delete from alert_events where at < now() - interval '30 days'
  ), old_deliveries as (
    delete from alert_deliveries where created_at < now() - interval '30 days'
  )
  insert into alert_deliveries (id, receiver, notes)
  select id, receiver, notes
  from jsonb_to_recordset(:deliveries::text::jsonb) as given (id uuid, receiver text, notes jsonb)`,
);

const listEvents = read<
  { since: Date },
  { id: string; rule_id: string; kind: "firing" | "resolved"; at: Date; value: number | null }
>(
  "alerts.events",
  `select id, rule_id, kind, at, value from alert_events where at >= :since
  order by at desc, id desc limit 500`,
);

const listDue = read<Record<never, never>, StoredDelivery>(
  "alerts.due",
  `select id, receiver, notes, attempts from alert_deliveries where next_at <= now()
  order by id limit 200`,
);

const deleteDelivery = write<{ id: string }, never>(
  "alerts.delivered",
  `delete from alert_deliveries where id = :id`,
);

const putOffDelivery = write<{ id: string; error: string; againInSeconds: number | null }, never>(
  "alerts.deliveryFailed",
  `update alert_deliveries set attempts = attempts + 1, error = left(:error, 500),
    next_at = now() + make_interval(secs => :againInSeconds::float8)
  where id = :id`,
);
