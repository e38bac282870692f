import { BalancerMetrics } from "./balancer-metrics.ts";
import { waitSeconds } from "./buckets.ts";
import { type CacheCounts, CacheMetrics } from "./cache-metrics.ts";
import { addCommonMetrics } from "./common-metrics.ts";
import { DatabaseMetrics, type PoolFacts } from "./database-metrics.ts";
import { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";
import { type Histogram, HistogramFamily } from "./families/histogram.ts";
import { type FreshnessFacts, FreshnessMetrics } from "./freshness-metrics.ts";
import { HttpMetrics } from "./http-metrics.ts";
import { ModelMetrics } from "./model-metrics.ts";
import { ModelServerMetrics } from "./model-server-metrics.ts";
import { type LiveFacts, SystemMetrics } from "./system-metrics.ts";
import { addTraceMetrics, type TraceFacts } from "./trace-metrics.ts";
import { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

/**
 * All figures of one server, and the callbacks that fill them. Each goes two ways: to Prometheus,
 * as it has grown since the start, and into the rolling windows, as what happened in this second.
 *
 * To record is to add to fields that were bound ahead; nothing here waits or throws.
 */
export class Metrics {
  readonly exposition = new Exposition();
  readonly recorder: Recorder;
  readonly http: HttpMetrics;
  readonly database: DatabaseMetrics;
  readonly models: ModelMetrics;
  readonly modelServers: ModelServerMetrics;
  readonly balancer: BalancerMetrics;
  readonly system: SystemMetrics;
  readonly freshness: FreshnessMetrics;
  readonly #refused: CounterFamily;
  readonly #waits: HistogramFamily;
  readonly #waitOf = new Map<string, Histogram>();
  readonly #alerts: GaugeFamily;
  #cache: CacheMetrics | undefined;
  #live: (() => LiveFacts) | undefined;
  #fresh: (() => FreshnessFacts) | undefined;

  /** @param info what the server is, for the labels of `peregrine_build_info` */
  constructor(info: { version: string }) {
    const { exposition } = this;
    const onOverflow = addCommonMetrics(exposition, info);
    const recorder = new Recorder(() => onOverflow("windows"));
    this.recorder = recorder;
    this.http = new HttpMetrics(exposition, recorder, onOverflow);
    this.database = new DatabaseMetrics(exposition, recorder, onOverflow);
    this.models = new ModelMetrics(exposition, recorder, onOverflow);
    this.modelServers = new ModelServerMetrics(exposition, recorder, onOverflow);
    this.balancer = new BalancerMetrics(exposition, onOverflow, recorder);
    this.system = new SystemMetrics(exposition, recorder);
    this.freshness = new FreshnessMetrics(exposition, recorder, onOverflow);
    this.#refused = exposition.add(
      new CounterFamily({
        name: "http_requests_refused_total",
        help: "Requests that were not let in, because the server had too much to do.",
        labels: ["priority", "reason"],
        onOverflow,
      }),
    );
    this.#waits = exposition.add(
      new HistogramFamily(
        {
          name: "http_requests_wait_seconds",
          help: "Time that requests waited to be let in.",
          labels: ["priority"],
          onOverflow,
        },
        waitSeconds,
      ),
    );
    this.#alerts = exposition.add(
      new GaugeFamily({
        name: "alert_state",
        help: "0 inactive, 1 pending, 2 firing.",
        labels: ["alert", "severity"],
        onOverflow,
      }),
    );
  }

  /** A request was let in. Called for each: three priorities, bound when they are first seen. */
  readonly onAdmitted = (priority: string, waitMs: number): void => {
    let wait = this.#waitOf.get(priority);
    if (!wait) {
      wait = this.#waits.with(priority);
      this.#waitOf.set(priority, wait);
    }
    wait.observe(waitMs / 1000);
  };

  /** A request was not let in. */
  readonly onRefused = (priority: string, reason: string): void => {
    this.#refused.with(priority, reason).value++;
    this.recorder.count(series.refused).value++;
  };

  readonly onAlertState = (
    alert: string,
    severity: string,
    state: "inactive" | "pending" | "firing",
  ): void => {
    const values = { inactive: 0, pending: 1, firing: 2 };
    this.#alerts.with(alert, severity).value = values[state];
  };

  watchPool(read: () => PoolFacts): void {
    this.database.watchPool(this.exposition, read);
  }

  watchCache(read: () => CacheCounts): void {
    this.#cache = new CacheMetrics(this.exposition, this.recorder, read);
  }

  watchTraces(read: () => TraceFacts): void {
    addTraceMetrics(this.exposition, read);
  }

  watchLive(read: () => LiveFacts): void {
    this.#live = read;
  }

  watchFreshness(read: () => FreshnessFacts): void {
    this.#fresh = read;
  }

  /** Takes what nobody counts as it happens. Once a second, before the second is closed. */
  readonly beforeEach = (): void => {
    if (this.#live) this.system.take(this.#live());
    if (this.#fresh) this.freshness.take(this.#fresh());
    this.balancer.tick();
    this.#cache?.tick();
  };
}
