import { AlertEngine, type AlertNote, type Receiver, type Rule } from "@peregrine/alerts";
import type { Database } from "@peregrine/database";
import type { Metrics } from "@peregrine/metrics";
import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";
import { alertReceivers } from "./alert-receivers.ts";
import { databaseAlertStore } from "./alert-store.ts";
import { recentFigures } from "./fleet-figures.ts";

/**
 * How long a server has not been heard of that is silent: four looks, but no less than three of its
 * heartbeats, which are every 5 s, and no more than a minute.
 */
export function silentSeconds({ ALERT_INTERVAL }: Config): number {
  return Math.min(60, Math.max(15, 4 * ALERT_INTERVAL));
}

type Options = {
  config: Config;
  log: Log;
  database: Database;
  metrics: Metrics;
  serverId: string;
};

export type RunningAlerts = ReturnType<typeof startAlerts>;

/** Looks after the alerts of the fleet, together with the other servers. */
export function startAlerts({ config, log, database, metrics, serverId }: Options) {
  const { receivers, close } = alertReceivers(config, log);
  const engine = new AlertEngine({
    store: databaseAlertStore(database, serverId, config.ALERT_INTERVAL),
    receivers,
    everyMs: config.ALERT_INTERVAL * 1000,
    figures: async (backMs) =>
      recentFigures(database, backMs, await database.servers.countSilent(silentSeconds(config))),
    onState: ({ id, severity }, { state }) => metrics.onAlertState(id, severity, state),
    onError: (err, during) => log.warn({ err }, `alerts: ${during} failed`),
  });
  engine.start();
  return {
    receiverNames: receivers.map(({ name }) => name),
    /** Has everybody who is told of alerts told of one that is none, in the form of a rule's. */
    tellTest: (by: string, rule?: Rule) => database.alerts.commit(testOf(receivers, by, rule)),
    async stop(): Promise<void> {
      await engine.stop();
      close();
      await database.alerts.resign(serverId);
    },
  };
}

function testOf(receivers: readonly Receiver[], by: string, rule: Rule | undefined) {
  const test = `A test by ${by}: nothing is wrong`;
  const note: AlertNote = {
    ruleId: rule?.id ?? "test",
    title: rule ? `${rule.title} (${test})` : test,
    advice: rule?.advice ?? "Nothing is to be done.",
    severity: rule?.severity ?? "info",
    labels: { ...rule?.labels, test: "true" },
    state: "firing",
    value: null,
    comparison: rule?.comparison ?? "above",
    threshold: rule?.threshold ?? 0,
    sinceMs: Date.now(),
  };
  const notified = receivers.filter(({ kind }) => kind === "notify");
  const deliveries = notified.map(({ name }) => ({ receiver: name, notes: [note] }));
  return { states: [], events: [], deliveries };
}
