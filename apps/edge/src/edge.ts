import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  httpProbe,
  Pool,
  type PoolEvents,
  RetryBudget,
  type ServerSpec,
} from "@peregrine/balancer";
import type { CacheResult } from "@peregrine/cdn/edge-cache";
import { DoorMetrics } from "@peregrine/metrics";
import { Lifecycle, type Log } from "@peregrine/process";
import { startTracer } from "@peregrine/tracing";
import { CacheFront, type CacheFrontFigures } from "./cache/cache-front.ts";
import type { Config } from "./config.ts";
import { limitsOf } from "./limits-of.ts";
import { Forwarding } from "./proxy/forwarding.ts";
import { FrontDoor } from "./proxy/front-door.ts";
import type { Limits } from "./proxy/limits.ts";
import { LoadReports } from "./proxy/load-reports.ts";
import { trustedAddresses } from "./proxy/trusted-addresses.ts";
import { Upstreams } from "./proxy/upstreams.ts";
import { startAdmin } from "./servers/admin.ts";
import { ownUrls } from "./servers/own-urls.ts";
import type { ServerSource } from "./servers/server-source.ts";
import { Certificates } from "./tls/certificates.ts";
import { RequestTraces } from "./tracing/request-traces.ts";
import { version } from "./version.ts";
import { poolName, watchDoor } from "./watch-door.ts";

/** The front door, running. */
export type Edge = {
  /** Where clients come in. */
  readonly url: string;
  readonly adminUrl: string;
  readonly pool: Pool;
  /** What the cache holds and did; undefined where it is turned off. */
  cacheFigures(): CacheFrontFigures | undefined;
  /** Resolves when no request is under way on the server, upgraded connections apart. */
  quiet(serverUrl: string): Promise<void>;
  /** Lets go of the connections to servers that are no longer listed. To be called after changes. */
  forgetRemoved(): void;
  /** Takes nothing new, lets requests finish, and closes everything in reverse order. */
  stop(): Promise<void>;
};

export type EdgeOptions = {
  readonly config: Config;
  readonly log: Log;
  /** The servers, or where they are written down. */
  readonly servers: readonly ServerSpec[] | ServerSource;
  /** Instead of what the settings say, in finer steps. */
  readonly limits?: Partial<Limits>;
  /** Told how the cache answers each request that it has a say in. */
  readonly onCacheResult?: (result: CacheResult) => void;
};

/** A probe's own time limit, and a little. */
const firstProbeMs = 2500;

/**
 * The composition root: starts every part of the door, each with what it needs from those before.
 *
 * @throws Error if a part cannot start; what was started before it is closed
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const lifecycle = new Lifecycle(options.log);
  try {
    return await start(options, lifecycle);
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

async function start(options: EdgeOptions, lifecycle: Lifecycle): Promise<Edge> {
  const { config, log } = options;
  const limits = { ...limitsOf(config), ...options.limits };
  const upstreams = new Upstreams(limits.connectMs);
  lifecycle.onClose("upstream connections", () => upstreams.close());

  const metrics = config.METRICS_ENABLED ? new DoorMetrics({ version }) : undefined;
  const tracing = startTracer(config, { version, suffix: "-edge", standsFirst: true, log });
  lifecycle.onClose("traces", () => tracing?.exporter.close());
  if (tracing) metrics?.watchTraces(tracing.exporter.figures);
  const poolMetrics = metrics?.balancer.pool(poolName);
  const source = "read" in options.servers ? options.servers : undefined;
  const servers = "read" in options.servers ? await options.servers.read() : options.servers;
  const pool = new Pool({
    servers,
    algorithm: config.LOAD_BALANCER_ALGORITHM,
    zone: config.EDGE_ZONE,
    ownUrls: ownUrls(config),
    maxInFlight: config.EDGE_MAX_IN_FLIGHT || undefined,
    // A server without traffic reports with its health checks alone.
    reportMaxAgeMs: Math.max(60_000, 2.5 * config.HEALTH_CHECK_INTERVAL * 1000),
    health: {
      // A connection of its own, which says more than one that was open before.
      probe: httpProbe((url, init) => fetch(url, { ...init, keepalive: false })),
      intervalMs: config.HEALTH_CHECK_INTERVAL * 1000,
    },
    events: { ...poolMetrics, ...poolLog(log) },
  });
  lifecycle.onClose("pool", () => pool.close());
  await firstProbes(pool);
  const forgetRemoved = () =>
    upstreams.keepOnly(new Set(pool.snapshot().servers.map((server) => server.url)));

  if (source !== undefined) {
    source.watch({
      onChange(list) {
        const change = pool.apply(list);
        forgetRemoved();
        log.info(change, "the list of servers was changed");
      },
      onError: (err) => log.error({ err }, "the list of servers was not changed"),
    });
    lifecycle.onClose("server list", () => source.close());
  }

  const cache = openCache(options, metrics);
  if (cache) lifecycle.onClose("cache", () => cache.close());
  const certificates = await openCertificates(config, log);
  if (certificates) lifecycle.onClose("certificate", () => certificates.close());
  const door = new FrontDoor({
    hostname: config.HOST,
    port: config.PORT,
    isTrusted: trustedAddresses(config.TRUSTED_PROXIES),
    certificate: certificates && (() => certificates.current),
    context: {
      pool,
      upstreams,
      budget: new RetryBudget({}, performance.now()),
      forwarding: new Forwarding(`peregrine-${randomBytes(6).toString("hex")}`),
      limits,
      cache,
      loadReports:
        config.LOAD_BALANCER_ALGORITHM === "least_load" ? new LoadReports(pool) : undefined,
      traces: tracing && new RequestTraces(tracing.tracer),
      events: {
        ...metrics?.proxy,
        ...(poolMetrics && {
          onRetry: poolMetrics.onRetry,
          onBudgetSpent: poolMetrics.onBudgetSpent,
          onHedge: poolMetrics.onHedge,
          onHedgeWon: poolMetrics.onHedgeWon,
        }),
        onFault(err) {
          metrics?.proxy.onFault();
          log.error({ err }, "a fault of the door's own cost a connection");
        },
      },
    },
  });
  lifecycle.onClose("front door", () => door.close());
  if (metrics) watchDoor(metrics, { pool, upstreams, door, certificates, cache });

  const admin = startAdmin({
    config,
    pool,
    cache,
    metrics: metrics?.exposition,
    figures: () => ({ connections: door.connections }),
    onChange: forgetRemoved,
  });
  lifecycle.onClose("administration port", () => admin.stop(true));
  lifecycle.onClose("requests", () => door.drain(config.SHUTDOWN_TIMEOUT * 1000));

  return {
    url: door.url,
    adminUrl: `http://${admin.hostname}:${admin.port}`,
    pool,
    cacheFigures: () => cache?.figures,
    quiet: (url) => upstreams.of({ id: url, zone: undefined, url }).quiet(),
    forgetRemoved,
    stop: () => lifecycle.close(),
  };
}

/** Waits until each server has been asked whether it is ready, or has had the time to say so. */
async function firstProbes(pool: Pool): Promise<void> {
  const deadlineMs = performance.now() + firstProbeMs;
  while (pool.snapshot().servers.some((server) => server.state === "unproven")) {
    if (performance.now() > deadlineMs) return;
    await Bun.sleep(5);
  }
}

async function openCertificates(config: Config, log: Log): Promise<Certificates | undefined> {
  const { EDGE_TLS_CERT: cert, EDGE_TLS_KEY: key } = config;
  return cert !== undefined && key !== undefined ? Certificates.open(cert, key, log) : undefined;
}

function openCache(
  { config, log, onCacheResult }: EdgeOptions,
  metrics: DoorMetrics | undefined,
): CacheFront | undefined {
  if (config.EDGE_CACHE_SIZE === 0) return undefined;
  const directory = config.EDGE_CACHE_DIR ?? join(config.DATA_DIR, "edge-cache");
  const maxBytes = config.EDGE_CACHE_DISK_SIZE;
  return new CacheFront({
    memoryBytes: config.EDGE_CACHE_SIZE,
    disk: maxBytes === 0 ? undefined : { directory, maxBytes },
    events: {
      ...metrics?.cache,
      ...(onCacheResult && { onResult: onCacheResult }),
      onDiskTrouble(err) {
        log.error({ err, directory }, "the cache cannot write to its disk and keeps to memory");
      },
      onDiskWell() {
        log.info({ directory }, "the cache writes to its disk again");
      },
    },
  });
}

function poolLog(log: Log): PoolEvents {
  return {
    onStateChange({ server, from, to, reason }) {
      const level = to === "up" || to === "draining" ? "info" : "warn";
      log[level]({ server: server.id, from, to, reason }, "a server changed its state");
    },
  };
}
