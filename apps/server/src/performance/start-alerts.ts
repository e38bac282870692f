import { AlertEngine } from "@peregrine/alerts";
import type { Database } from "@peregrine/database";
import type { Metrics } from "@peregrine/metrics";
import type { Config } from "../config.ts";
import type { Log } from "../log.ts";
import { alertReceivers } from "./alert-receivers.ts";
import { databaseAlertStore } from "./alert-store.ts";
import { recentFigures } from "./fleet-figures.ts";

/** A server's heartbeat is every 5 s. */
const silentSeconds = 60;

type Options = {
  config: Config;
  log: Log;
  database: Database;
  metrics: Metrics;
  serverId: string;
};

/** Looks after the alerts of the fleet, together with the other servers. */
export function startAlerts({ config, log, database, metrics, serverId }: Options) {
  const { receivers, close } = alertReceivers(config, log);
  const engine = new AlertEngine({
    store: databaseAlertStore(database, serverId),
    receivers,
    figures: async (backMs) =>
      recentFigures(database, backMs, await database.servers.countSilent(silentSeconds)),
    onState: ({ id, severity }, { state }) => metrics.onAlertState(id, severity, state),
    onError: (err, during) => log.warn({ err }, `alerts: ${during} failed`),
  });
  engine.start();
  return {
    engine,
    receiverNames: receivers.map(({ name }) => name),
    async stop(): Promise<void> {
      await engine.stop();
      close();
      await database.alerts.resign(serverId);
    },
  };
}
