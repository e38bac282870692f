import { hostname } from "node:os";
import type { Database } from "@peregrine/database";
import { type Metrics, RollingWindows } from "@peregrine/metrics";
import type { Log } from "@peregrine/process";
import type { AppCache } from "../cache/open-cache.ts";
import type { Config } from "../config.ts";
import type { ModelServers } from "../models/model-servers.ts";
import { LiveFigures } from "./live-figures.ts";
import { listenForScrapes } from "./metrics-listener.ts";
import { databaseSlotStore } from "./slot-store.ts";
import { watchFreshness } from "./watch-freshness.ts";
import type { Resources } from "./watch-resources.ts";

type Options = {
  config: Config;
  log: Log;
  database: Database;
  cache: AppCache;
  metrics: Metrics;
  resources: Resources;
  openSockets: () => number;
  runningAnswers: () => number;
  models: ModelServers;
};

export type RunningMetrics = Awaited<ReturnType<typeof startMetrics>>;

/** Begins to serve the metrics to scrapers and to keep this server's figures over time. */
export async function startMetrics(options: Options) {
  const { config, log, database, cache, metrics, resources } = options;
  metrics.watchPool(() => database.pool);
  metrics.watchCache(() => hitsAndMisses(cache));
  metrics.watchLive(() => {
    const { waiting, inFlight, limit } = resources.admission.state;
    const pool = database.pool;
    return {
      sockets: options.openSockets(),
      runningAnswers: options.runningAnswers(),
      waitingAnswers: options.models.queued,
      waitingRequests: waiting,
      inFlight,
      limit,
      waitingStatements: pool.waiting,
      activeStatements: pool.active,
      pressure: resources.pressure.levelNumber,
    };
  });
  const freshness = watchFreshness({ config, log, database, cache });
  metrics.watchFreshness(freshness.facts);
  const { pool } = options.models;
  if (pool) metrics.balancer.watchServers("models", () => pool.snapshot().servers);
  const serverName = serverNameOf(config);
  const live = new LiveFigures();
  const windows = await RollingWindows.start({
    recorder: metrics.recorder,
    store: databaseSlotStore(database, serverName),
    beforeEach: metrics.beforeEach,
    onSecond: live.onSecond,
    onError: (err) => log.warn({ err }, "figures could not be saved, trying again"),
  });
  const scrapes = listenForScrapes(config, metrics, log);
  return {
    metrics,
    live,
    freshness,
    serverName,
    /** Where scrapers find `/metrics`; undefined if the port was taken. */
    scrapeUrl: scrapes && `${scrapes.url}/metrics`,
    async stop(): Promise<void> {
      live.close();
      await scrapes?.stop();
      await freshness.stop();
      await windows.stop();
    },
  };
}

/** What this server is called in figures and alerts: a name that it keeps over restarts. */
function serverNameOf({ SERVER_NAME, PORT }: Config): string {
  return SERVER_NAME ?? `${hostname()}:${PORT === 0 ? process.pid : PORT}`;
}

/** By type: reads that found their value in any layer, and reads that did not. */
function hitsAndMisses(cache: AppCache) {
  const counts: Record<string, { hits: number; misses: number }> = {};
  for (const [type, figures] of Object.entries(cache.stats().types)) {
    counts[type] = { hits: figures.memoryHits + figures.otherHits, misses: figures.misses };
  }
  return counts;
}
