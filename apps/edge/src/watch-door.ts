import type { Pool } from "@peregrine/balancer";
import type { DoorMetrics } from "@peregrine/metrics";
import type { CacheFront } from "./cache/cache-front.ts";
import type { FrontDoor } from "./proxy/front-door.ts";
import type { Upstreams } from "./proxy/upstreams.ts";
import type { Certificates } from "./tls/certificates.ts";

type Watched = {
  readonly pool: Pool;
  readonly upstreams: Upstreams;
  readonly door: FrontDoor;
  readonly certificates: Certificates | undefined;
  readonly cache: CacheFront | undefined;
};

/** What the pool of servers is called in figures, beside those of models. */
export const poolName = "servers";

/** Has the metrics ask how the door stands, with each scrape. */
export function watchDoor(metrics: DoorMetrics, watched: Watched): void {
  const { pool, upstreams, door, certificates, cache } = watched;
  metrics.balancer.watchServers(poolName, () => pool.snapshot().servers);
  metrics.watch(() => ({
    clientConnections: door.connections,
    webSockets: door.webSockets,
    upstreamConnections: pool.snapshot().servers.map((server) => ({
      server: server.id,
      connections: upstreams.connectionsTo(server),
    })),
    cache: cache?.figures,
    certificates: certificates ? [certificates.facts] : [],
  }));
}
