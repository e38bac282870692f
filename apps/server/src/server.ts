import { resolve } from "node:path";
import {
  migrateDatabase,
  newId,
  openDatabase,
  type QueryInfo,
  startEmbeddedPostgres,
} from "@peregrine/database";
import { Metrics } from "@peregrine/metrics";
import { Lifecycle, type Log } from "@peregrine/process";
import { createAttemptLimits } from "./auth/attempt-limits.ts";
import { createAuthentication, createKnownReader } from "./auth/authentication.ts";
import { createPasswords } from "./auth/passwords.ts";
import { openBus } from "./bus/open-bus.ts";
import { answerCache } from "./cache/answer-cache.ts";
import { cachedDatabase } from "./cache/cached-database.ts";
import { cachedReads } from "./cache/cached-reads.ts";
import { knownCredentials } from "./cache/credentials.ts";
import { keepWarm } from "./cache/keep-warm.ts";
import { openCache } from "./cache/open-cache.ts";
import type { Config } from "./config.ts";
import { fileAddresses } from "./files/file-addresses.ts";
import { FileRemovals } from "./files/file-removals.ts";
import { FileSweeps } from "./files/file-sweeps.ts";
import { Files } from "./files/files.ts";
import { directUploadOrigin, openFileStore, openNetworks } from "./files/open-delivery.ts";
import { openUploads } from "./files/receive-file.ts";
import { openPdfText } from "./files/text/pdf-text.ts";
import { Uploads } from "./files/uploads.ts";
import { Answering } from "./generation/answering.ts";
import { FrameClock } from "./generation/frame-clock.ts";
import { RemoteAnswers } from "./generation/remote-answers.ts";
import { RunningAnswers } from "./generation/running-answers.ts";
import { openRelay } from "./generation/shared/open-relay.ts";
import { SharedAnswers } from "./generation/shared/shared-answers.ts";
import { tellInterrupted } from "./generation/tell-interrupted.ts";
import { Titles } from "./generation/titles.ts";
import { keepLease } from "./health/lease.ts";
import { loadReport, reportingLoad } from "./health/load-report.ts";
import { createApp, maxBodyBytes } from "./http/app.ts";
import { createClientAddress } from "./http/client-address.ts";
import { listen } from "./http/listen.ts";
import { memoryReads } from "./http/memory-reads.ts";
import { RequestTimings } from "./http/request-timings.ts";
import { loadWebFiles } from "./http/web-files.ts";
import { LiveHub } from "./live/live-hub.ts";
import { OpenSockets } from "./live/open-sockets.ts";
import { openModels } from "./models/open-models.ts";
import { openDatabaseOptimiser } from "./performance/database-optimiser.ts";
import { DatabaseQueryTimes } from "./performance/database-query-times.ts";
import { scheduleOptimiser } from "./performance/database-schedule.ts";
import { Endpoints } from "./performance/endpoints.ts";
import { Gate } from "./performance/gate.ts";
import { measureModel } from "./performance/measure-model.ts";
import { startAlerts } from "./performance/start-alerts.ts";
import { startMetrics } from "./performance/start-metrics.ts";
import { watchResources } from "./performance/watch-resources.ts";
import { openTracing } from "./tracing/open-tracing.ts";
import { version } from "./version.ts";

export type Server = {
  /** Where it listens. */
  url: string;
  /** Where scrapers find its metrics, if anywhere beside there. */
  metricsUrl: string | undefined;
  /** Takes no new work, lets answers finish, and closes everything in reverse order. */
  stop(): Promise<void>;
};

type Hooks = {
  /** Called for every statement. */
  onQuery?: (info: QueryInfo) => void;
};

/**
 * The composition root: starts every part of the server, each with what it needs from those
 * before it.
 *
 * @throws Error if a part cannot start; what was started before it is closed
 */
export async function startServer(
  config: Config,
  log: Log,
  webDirectory: string,
  hooks: Hooks = {},
): Promise<Server> {
  const lifecycle = new Lifecycle(log);
  try {
    return await start(config, log, webDirectory, hooks, lifecycle);
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function start(
  config: Config,
  log: Log,
  webDirectory: string,
  hooks: Hooks,
  lifecycle: Lifecycle,
): Promise<Server> {
  let isDraining = false;
  const queryTimes = new DatabaseQueryTimes();
  const webFiles = await loadWebFiles(webDirectory, {
    cdnUrl: config.CDN_URL,
    hasAssets: config.CDN_ASSETS,
    uploadOrigin: directUploadOrigin(config),
  });
  const metrics = config.METRICS_ENABLED ? new Metrics({ version }) : undefined;

  const tracing = openTracing(config, log);
  lifecycle.onClose("traces", () => tracing?.close());
  if (tracing) metrics?.watchTraces(tracing.figures);

  let endpoints: Endpoints | undefined;
  const timings = new RequestTimings(({ request, statement }) => {
    const route = endpoints?.find(request.method, request.url).template ?? "";
    metrics?.database.onRepeated(route, statement);
    log.debug({ route, statement }, "a request sends a statement over and over");
  });

  const databaseUrl = config.DATABASE_URL ?? (await startPostgres(config, log, lifecycle));
  await migrateDatabase(databaseUrl);
  const uncached = openDatabase({
    url: databaseUrl,
    poolSize: config.DB_POOL_SIZE,
    maxOverflow: config.DB_MAX_OVERFLOW,
    poolTimeoutMs: config.DB_POOL_TIMEOUT * 1000,
    poolRecycleMs: config.DB_POOL_RECYCLE * 1000,
    prepare: config.DB_PREPARE,
    replicaUrls: config.DATABASE_REPLICA_URLS,
    on: {
      query(info) {
        timings.addQuery(info.name, info.waitMs + info.durationMs);
        queryTimes.add(info);
        metrics?.database.onQuery(info);
        tracing?.onQuery(info);
        hooks.onQuery?.(info);
      },
    },
  });
  lifecycle.onClose("database connections", () => uncached.close());
  const optimiser = openDatabaseOptimiser(databaseUrl, log);
  lifecycle.onClose("optimiser", () => optimiser.close());
  if (config.AUTO_OPTIMIZATION) {
    const schedule = scheduleOptimiser({ optimiser, log });
    lifecycle.onClose("optimiser's schedule", () => schedule.stop());
  }
  const cache = await openCache(config, uncached, log, (from) => timings.addCached(from));
  lifecycle.onClose("cache", () => cache.close());
  tracing?.traceCache(cache);
  const reads = cachedReads(uncached, cache);
  const database = cachedDatabase(uncached, cache, reads);
  const warming = keepWarm(cache, uncached, log);
  lifecycle.onClose("warming", () => warming.stop());

  const serverId = newId();
  const bus = await openBus(config, serverId, log);
  lifecycle.onClose("bus", () => bus.close());
  const live = new LiveHub(bus, serverId);
  await live.start();
  lifecycle.onClose("live events", () => live.stop());
  const lease = await keepLease({
    database,
    log,
    serverId,
    isAlone: config.DATABASE_URL === undefined,
    onInterrupted: (answers) => tellInterrupted({ database, live }, answers),
  });
  lifecycle.onClose("lease", () => lease.stop());

  const openedModels = openModels(config, log, metrics);
  const measured = metrics ? measureModel(openedModels, metrics.models) : openedModels;
  const models = tracing?.traceModels(measured) ?? measured;
  lifecycle.onClose("model servers", () => models.close());
  const resources = await watchResources({
    config,
    log,
    // A full collection takes tens of milliseconds: still far better than to be killed.
    releaseMemory: () => {
      cache.evictLeastUsed(0.5);
      Bun.gc(true);
    },
    onReading: metrics?.system.onReading,
    onAdmitted: metrics?.onAdmitted,
    onRefused: metrics?.onRefused,
  });
  lifecycle.onClose("readings", () => resources.stop());
  const gate = new Gate({ admission: resources.admission });
  const titles = new Titles({
    database,
    model: models,
    log,
    onTitled: (userId, conversation) =>
      live.publish(userId, { type: "conversation.updated", conversation }),
    untilThereIsRoom: (signal) => resources.pressure.untilNormal(signal),
  });
  lifecycle.onClose("titles", () => titles.stop());

  const clock = new FrameClock();
  const relay = await openRelay(config.REDIS_URL, clock, log);
  lifecycle.onClose("relay of answers", () => relay?.close());
  const running = new RunningAnswers({
    database,
    model: new SharedAnswers({ model: models, cache: answerCache(cache), relay, log }),
    clock,
    log,
    serverId,
    onEvent: (answer, event) => {
      live.publishAnswerEvent(answer, event);
      remote.publish(answer, event);
    },
    onFinished: (userId, finished) => {
      live.publish(userId, { type: "message.updated", message: finished.answer });
      live.publish(userId, { type: "conversation.updated", conversation: finished.conversation });
      titles.request(userId, finished);
    },
  });
  const remote = new RemoteAnswers({ bus, running, clock, serverId });
  await remote.start();
  lifecycle.onClose("answers of other servers", () => remote.stop());
  const answering = new Answering({
    database,
    running,
    remote,
    models,
    live,
    serverId,
    contextTokens: config.MODEL_CONTEXT_TOKENS,
  });

  const store = await openFileStore(config);
  lifecycle.onClose("file store", () => store.close());
  const network = await openNetworks(config);
  lifecycle.onClose("networks", () => network.close());
  const addresses = await fileAddresses(config);
  const onPurge = metrics?.freshness.onPurge;
  const removals = new FileRemovals({ database, store, network, addresses, log, onPurge });
  lifecycle.onClose("removals", () => removals.stop());
  const files = new Files({ database, store, removals, pdfText: openPdfText() });
  const uploadDirectory = resolve(config.DATA_DIR, "uploads");
  const receiveFile = await openUploads(uploadDirectory, config.MAX_UPLOAD_BYTES);
  const uploads = new Uploads({
    database,
    store,
    files,
    log,
    directory: uploadDirectory,
    maxBytes: config.MAX_UPLOAD_BYTES,
    ttlSeconds: config.UPLOAD_TTL,
    isDirect: config.S3_DIRECT_UPLOADS,
  });
  lifecycle.onClose("uploads", () => uploads.stop());
  const fileSweeps = new FileSweeps({
    database,
    store,
    uploads,
    removals,
    log,
    unattachedTtlSeconds: config.UNATTACHED_FILE_TTL,
  });
  lifecycle.onClose("sweeps of files", () => fileSweeps.stop());

  const figures = metrics
    ? await startMetrics({
        config,
        log,
        database,
        cache,
        metrics,
        resources,
        openSockets: () => live.openSockets,
        runningAnswers: () => running.size,
        models,
      })
    : undefined;
  lifecycle.onClose("figures", () => figures?.stop());
  const alerts = metrics && startAlerts({ config, log, database: uncached, metrics, serverId });
  lifecycle.onClose("alerts", () => alerts?.stop());

  const app = createApp(
    {
      config,
      log,
      timings,
      database,
      optimiser,
      queryTimes,
      authenticate: createAuthentication(database, config.PUBLIC_URL),
      passwords: createPasswords(),
      attemptLimits: createAttemptLimits(database),
      clientAddress: createClientAddress(config.TRUSTED_PROXIES),
      models,
      answering,
      live,
      gate,
      cache,
      warm: warming.warm,
      reads,
      sockets: new OpenSockets(),
      files,
      fileStore: store,
      fileAddresses: addresses,
      receiveFile,
      uploads,
      fileSweeps,
      isDraining: () => isDraining,
    },
    { resources, figures, alerts, runningAnswers: () => running.size },
    webFiles,
  );
  endpoints = new Endpoints(app.routes, metrics?.http.endpoint.bind(metrics.http));
  const gated = gate.before(
    app.fetch,
    endpoints,
    memoryReads({
      endpoints,
      knownReader: createKnownReader(knownCredentials(cache)),
      reads,
    }),
  );
  const reporting = reportingLoad(gated, () =>
    loadReport({ resources, runningAnswers: () => running.size }),
  );
  const listener = listen(app, {
    hostname: config.HOST,
    port: config.PORT,
    maxBodyBytes: config.MAX_UPLOAD_BYTES + maxBodyBytes,
    fetch: tracing?.before(reporting, endpoints) ?? reporting,
  });
  live.attach(listener);
  lifecycle.onClose("listener", () => listener.stop(true));
  lifecycle.onClose("answers", () => running.drain(config.SHUTDOWN_TIMEOUT * 1000));

  return {
    url: `http://${listener.hostname}:${listener.port}`,
    metricsUrl: figures?.scrapeUrl,
    stop() {
      isDraining = true;
      return lifecycle.close();
    },
  };
}

/** @returns the URL of the embedded Postgres. */
async function startPostgres(config: Config, log: Log, lifecycle: Lifecycle): Promise<string> {
  const postgres = await startEmbeddedPostgres({
    directory: resolve(config.DATA_DIR, "postgres"),
    log: {
      info: (message) => log.info({}, message),
      warn: (message) => log.warn({}, message),
      error: (message) => log.error({}, message),
    },
  });
  lifecycle.onClose("embedded Postgres", () => postgres.stop());
  return postgres.url;
}
