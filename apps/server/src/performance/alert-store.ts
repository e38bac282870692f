import type { AlertNote, AlertState, AlertStore, Rule } from "@peregrine/alerts";
import type { Database } from "@peregrine/database";

/** Keeps alerts in the database, for all servers together. */
export function databaseAlertStore(
  { alerts }: Database,
  serverId: string,
  lookEverySeconds: number,
): AlertStore {
  // A server that has missed two looks is no longer the one to look.
  const leaseSeconds = 2 * lookEverySeconds + 10;
  return {
    lead: () => alerts.lead(serverId, leaseSeconds),
    async load() {
      const [rules, states, silences] = await Promise.all([
        alerts.rules(),
        alerts.states(),
        alerts.silences(),
      ]);
      return {
        rules: rules.map(({ rule }) => rule as Rule),
        states: new Map(
          states.map(({ ruleId, state, acknowledgedBy }) => [
            ruleId,
            { ...(state as AlertState), acknowledgedBy },
          ]),
        ),
        silences,
      };
    },
    commit: (changes) => alerts.commit(changes),
    async due() {
      const due = await alerts.due();
      return due.map((delivery) => ({ ...delivery, notes: delivery.notes as AlertNote[] }));
    },
    delivered: (id) => alerts.delivered(id),
    failed: (id, error, againInMs) => alerts.deliveryFailed(id, error, againInMs),
  };
}
