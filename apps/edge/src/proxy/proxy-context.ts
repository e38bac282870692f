import type { Pool, RetryBudget } from "@peregrine/balancer";
import type { CacheFront } from "../cache/cache-front.ts";
import type { RequestTraces } from "../tracing/request-traces.ts";
import type { Forwarding } from "./forwarding.ts";
import type { Limits } from "./limits.ts";
import type { LoadReports } from "./load-reports.ts";
import type { ProxyEvents } from "./proxy-events.ts";
import type { Upstreams } from "./upstreams.ts";

/** What all requests of a door share. */
export type ProxyContext = {
  readonly pool: Pool;
  readonly budget: RetryBudget;
  readonly upstreams: Upstreams;
  readonly forwarding: Forwarding;
  readonly limits: Limits;
  /** Undefined where it is turned off. */
  readonly cache: CacheFront | undefined;
  /** Undefined where servers are not chosen by them. */
  readonly loadReports: LoadReports | undefined;
  /** Undefined where nobody collects them. */
  readonly traces: RequestTraces | undefined;
  readonly events: ProxyEvents;
};
