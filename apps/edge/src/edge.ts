import { randomBytes } from "node:crypto";
import {
  httpProbe,
  Pool,
  type PoolEvents,
  RetryBudget,
  type ServerSpec,
} from "@peregrine/balancer";
import { Lifecycle, type Log } from "@peregrine/process";
import type { Config } from "./config.ts";
import { limitsOf } from "./limits-of.ts";
import { Forwarding } from "./proxy/forwarding.ts";
import { FrontDoor } from "./proxy/front-door.ts";
import type { Limits } from "./proxy/limits.ts";
import { trustedAddresses } from "./proxy/trusted-addresses.ts";
import { Upstreams } from "./proxy/upstreams.ts";
import { ownUrls } from "./servers/own-urls.ts";

/** The front door, running. */
export type Edge = {
  /** Where clients come in. */
  readonly url: string;
  readonly pool: Pool;
  /** Resolves when no request is under way on the server, upgraded connections apart. */
  quiet(server: ServerSpec): Promise<void>;
  /** Takes nothing new, lets requests finish, and closes everything in reverse order. */
  stop(): Promise<void>;
};

export type EdgeOptions = {
  readonly config: Config;
  readonly log: Log;
  readonly servers: readonly ServerSpec[];
  /** Instead of what the settings say, in finer steps. */
  readonly limits?: Partial<Limits>;
};

/**
 * The composition root: starts every part of the door, each with what it needs from those before.
 *
 * @throws Error if a part cannot start; what was started before it is closed
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const lifecycle = new Lifecycle(options.log);
  try {
    return start(options, lifecycle);
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

function start({ config, log, servers, limits }: EdgeOptions, lifecycle: Lifecycle): Edge {
  const allLimits = { ...limitsOf(config), ...limits };
  const upstreams = new Upstreams(allLimits.connectMs);
  lifecycle.onClose("upstream connections", () => upstreams.close());

  const pool = new Pool({
    servers,
    algorithm: config.LOAD_BALANCER_ALGORITHM,
    zone: config.EDGE_ZONE,
    ownUrls: ownUrls(config),
    maxInFlight: config.EDGE_MAX_IN_FLIGHT || undefined,
    health: {
      probe: httpProbe((url, init) => fetch(url, init)),
      intervalMs: config.HEALTH_CHECK_INTERVAL * 1000,
    },
    events: poolLog(log),
  });
  lifecycle.onClose("pool", () => pool.close());

  const door = new FrontDoor({
    hostname: config.HOST,
    port: config.PORT,
    isTrusted: trustedAddresses(config.TRUSTED_PROXIES),
    certificate: undefined,
    context: {
      pool,
      upstreams,
      budget: new RetryBudget({}, performance.now()),
      forwarding: new Forwarding(`peregrine-${randomBytes(6).toString("hex")}`),
      limits: allLimits,
      onFault: (err) => log.error({ err }, "a fault of the door's own cost a connection"),
    },
  });
  lifecycle.onClose("front door", () => door.close());
  lifecycle.onClose("requests", () => door.drain(config.SHUTDOWN_TIMEOUT * 1000));

  return {
    url: door.url,
    pool,
    quiet: (server) => upstreams.of({ id: server.url, zone: undefined, url: server.url }).quiet(),
    stop: () => lifecycle.close(),
  };
}

function poolLog(log: Log): PoolEvents {
  return {
    onStateChange: ({ server, from, to, reason }) => {
      const level = to === "up" || to === "draining" ? "info" : "warn";
      log[level]({ server: server.id, from, to, reason }, "a server changed its state");
    },
  };
}
