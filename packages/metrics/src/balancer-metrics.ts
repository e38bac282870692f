import { requestSeconds, waitSeconds } from "./buckets.ts";
import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";
import { HistogramFamily } from "./families/histogram.ts";
import { type PoolFamilies, recordPool } from "./pool-recorder.ts";
import type { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

/** As much of how a server of a pool stands as is counted here. */
export type PooledServer = {
  readonly id: string;
  readonly state: string;
  readonly inFlight: number;
  readonly latencyMs: number;
};

type OnOverflow = (metric: string) => void;

/** Every state that a server of a pool can be in, so that those it is not in are told as 0. */
const states = ["unproven", "up", "trial", "cooling", "ejected", "down", "draining"];
/** In which it takes no requests because it fails. */
const downStates = new Set(["ejected", "down"]);
/** Room for all servers with all ways in which their requests end. */
const maxChildren = 5000;

/** What happens in pools of servers: of the application's, and of models'. */
export class BalancerMetrics {
  readonly #families: PoolFamilies;
  readonly #recorder: Recorder | undefined;
  readonly #watched = new Map<string, () => readonly PooledServer[]>();
  readonly #state: GaugeFamily;
  readonly #inFlight: GaugeFamily;
  readonly #latency: GaugeFamily;

  /** @param recorder of the windows that take how the model servers stand, where there are any */
  constructor(exposition: Exposition, onOverflow: OnOverflow, recorder?: Recorder) {
    this.#recorder = recorder;
    this.#families = addPoolFamilies(exposition, onOverflow);
    const gauge = (name: string, help: string, more: string[] = []) => {
      const labels = ["pool", "server", ...more];
      return exposition.add(new GaugeFamily({ name, help, labels, maxChildren, onOverflow }));
    };
    this.#state = gauge(
      "balancer_server_state",
      "1 for the state that a server is in, 0 for the others.",
      ["state"],
    );
    this.#inFlight = gauge("balancer_server_in_flight", "Requests on a server.");
    this.#latency = gauge(
      "balancer_server_latency_seconds",
      "Time to the first byte that a server is expected to take.",
    );
    exposition.beforeEach(() => this.#takeServers());
  }

  /** @param read the servers of a pool, asked for each second and with each scrape */
  watchServers(pool: string, read: () => readonly PooledServer[]): void {
    this.#watched.set(pool, read);
  }

  /** Takes how the model servers stand, for the second that ends. */
  tick(): void {
    const servers = this.#watched.get("models")?.();
    if (!servers) return;
    const down = servers.filter(({ state }) => downStates.has(state)).length;
    this.#recorder?.value(series.modelServersDown).take(down);
  }

  /** Callbacks for the pool of this name. */
  pool(pool: string): ReturnType<typeof recordPool> {
    return recordPool(pool, this.#families);
  }

  /** Takes how all servers stand, and forgets those that are gone: each new one is a set of series. */
  #takeServers(): void {
    for (const family of [this.#state, this.#inFlight, this.#latency]) family.clear();
    for (const [pool, read] of this.#watched) {
      const servers = read();
      for (const { id, state, inFlight, latencyMs } of servers) {
        for (const each of states) {
          this.#state.with(pool, id, each).value = state === each ? 1 : 0;
        }
        this.#inFlight.with(pool, id).value = inFlight;
        this.#latency.with(pool, id).value = latencyMs / 1000;
      }
      const ids = new Set(servers.map(({ id }) => id));
      const { picks, ends, ejections, healthChecks, firstByte } = this.#families;
      for (const family of [picks, ends, ejections, healthChecks, firstByte]) {
        family.keepOnly(
          (labels) =>
            labels.pool !== pool || labels.server === "other" || ids.has(labels.server ?? ""),
        );
      }
    }
  }
}

function addPoolFamilies(exposition: Exposition, onOverflow: OnOverflow): PoolFamilies {
  const counter = (name: string, help: string, ...more: string[]) => {
    const labels = ["pool", ...more];
    return exposition.add(new CounterFamily({ name, help, labels, maxChildren, onOverflow }));
  };
  const histogram = (name: string, help: string, bounds: readonly number[], ...more: string[]) => {
    const labels = ["pool", ...more];
    return exposition.add(new HistogramFamily({ name, help, labels, onOverflow }, bounds));
  };
  return {
    picks: counter("balancer_picks_total", "Requests given to a server.", "server"),
    ends: counter("balancer_requests_total", "Requests by how they ended.", "server", "end"),
    ejections: counter(
      "balancer_ejections_total",
      "Servers put aside, by why.",
      "server",
      "reason",
    ),
    healthChecks: counter(
      "balancer_health_checks_total",
      "Times that a server was asked whether it is ready.",
      "server",
      "result",
    ),
    retries: counter(
      "balancer_retries_total",
      "Requests that were tried again on another server, by why.",
      "reason",
    ),
    retriesRefused: counter(
      "balancer_retries_refused_total",
      "Requests that were not tried again, because the budget was used up.",
    ),
    hedges: counter("balancer_hedges_total", "Requests that were sent to a second server as well."),
    hedgesWon: counter(
      "balancer_hedges_won_total",
      "Those of them that the second server answered first.",
    ),
    queue: exposition.add(
      new GaugeFamily({
        name: "balancer_queue_length",
        help: "Requests that wait for a server.",
        labels: ["pool", "priority"],
        onOverflow,
      }),
    ),
    wait: histogram(
      "balancer_wait_seconds",
      "Time that requests waited for a server.",
      waitSeconds,
    ),
    firstByte: histogram(
      "balancer_first_byte_seconds",
      "Time from a request to the first byte of its answer.",
      requestSeconds,
      "server",
    ),
  };
}
