import { resolve } from "node:path";
import { startEmbeddedPostgres } from "@peregrine/database";
import { Lifecycle, type Log } from "@peregrine/process";
import { type Config, processEnvironment } from "../config.ts";
import { type Edge, startEdge } from "../edge.ts";
import { Fleet } from "./fleet.ts";
import { serverEnvironment } from "./server-environment.ts";

export type RunningFleet = {
  readonly edge: Edge;
  /** Replaces all servers one after another. */
  replaceAll(): Promise<void>;
  stop(): Promise<void>;
};

/** What a server's pool may open by its default settings, and what Postgres needs beside. */
const connectionsPerServer = 50;
const spareConnections = 20;

/** The door and `count` servers on this machine, with one database for all. */
export async function runFleet(config: Config, count: number, log: Log): Promise<RunningFleet> {
  const lifecycle = new Lifecycle(log);
  try {
    const databaseUrl = config.DATABASE_URL ?? (await startPostgres(config, count, log, lifecycle));
    const fleet = new Fleet({
      count,
      command: [process.execPath, resolve(import.meta.dirname, "../../../server/src/main.ts")],
      environment: serverEnvironment(config, processEnvironment(), databaseUrl),
      log,
      startTimeoutMs: 60_000,
      drainTimeoutMs: config.EDGE_DRAIN_TIMEOUT * 1000,
      stopTimeoutMs: (config.SHUTDOWN_TIMEOUT + 5) * 1000,
    });
    const urls = await fleet.start();
    lifecycle.onClose("servers", () => fleet.stop());
    const edge = await startEdge({ config, log, servers: urls.map((url) => ({ url })) });
    lifecycle.onClose("edge", () => edge.stop());
    fleet.attach(edge);
    return {
      edge,
      replaceAll: () => fleet.replaceAll(),
      stop: () => lifecycle.close(),
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function startPostgres(
  config: Config,
  count: number,
  log: Log,
  lifecycle: Lifecycle,
): Promise<string> {
  // One server more than there are, since a new one starts before the old one stops.
  const connections = (count + 1) * connectionsPerServer + spareConnections;
  const postgres = await startEmbeddedPostgres({
    directory: resolve(config.DATA_DIR, "postgres"),
    settings: { max_connections: String(connections) },
    log: {
      info: (message) => log.info({}, message),
      warn: (message) => log.warn({}, message),
      error: (message) => log.error({}, message),
    },
  });
  lifecycle.onClose("embedded Postgres", () => postgres.stop());
  return postgres.url;
}
