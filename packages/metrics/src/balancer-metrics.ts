import { firstTokenSeconds, waitSeconds } from "./buckets.ts";
import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";
import { HistogramFamily } from "./families/histogram.ts";
import type { Recorder } from "./windows/recorder.ts";
import { series } from "./windows/series.ts";

type Server = { readonly id: string };

/** As much of how a server of a pool stands as is counted here. */
export type PooledServer = {
  readonly id: string;
  readonly state: string;
  readonly inFlight: number;
  readonly latencyMs: number;
};

/** Every state that a server of a pool can be in, so that those it is not in are told as 0. */
const states = ["unproven", "up", "trial", "cooling", "ejected", "down", "draining"];
/** In which it takes no requests because it fails. */
const downStates = new Set(["ejected", "down"]);

/** What happens in pools of servers: of the application's, and of models'. */
export class BalancerMetrics {
  readonly #picks: CounterFamily;
  readonly #ends: CounterFamily;
  readonly #ejections: CounterFamily;
  readonly #recorder: Recorder;
  readonly #watched = new Map<string, () => readonly PooledServer[]>();
  readonly #queue: GaugeFamily;
  readonly #wait: HistogramFamily;
  readonly #firstByte: HistogramFamily;

  constructor(exposition: Exposition, recorder: Recorder, onOverflow: (metric: string) => void) {
    this.#recorder = recorder;
    const counter = (name: string, help: string, labels: string[]) =>
      exposition.add(new CounterFamily({ name, help, labels, onOverflow }));
    const gauge = (name: string, help: string, labels: string[]) =>
      exposition.add(new GaugeFamily({ name, help, labels, onOverflow }));
    const histogram = (name: string, help: string, bounds: readonly number[]) =>
      exposition.add(new HistogramFamily({ name, help, labels: ["pool"], onOverflow }, bounds));
    this.#picks = counter("balancer_picks_total", "Requests given to a server.", [
      "pool",
      "server",
    ]);
    this.#ends = counter("balancer_requests_total", "Requests by how they ended.", [
      "pool",
      "server",
      "end",
    ]);
    this.#ejections = counter("balancer_ejections_total", "Servers put aside, by why.", [
      "pool",
      "server",
      "reason",
    ]);
    const eachServer = (name: string, help: string, value: (server: PooledServer) => number) =>
      exposition.add(
        new GaugeFamily({ name, help, labels: ["pool", "server"], onOverflow }, (gauges) => {
          gauges.clear();
          for (const [pool, server] of this.#servers()) {
            gauges.with(pool, server.id).value = value(server);
          }
        }),
      );
    this.#addStates(exposition, onOverflow);
    eachServer("balancer_server_in_flight", "Requests on a server.", (server) => server.inFlight);
    eachServer(
      "balancer_server_latency_seconds",
      "Time to the first byte that a server is expected to take.",
      (server) => server.latencyMs / 1000,
    );
    this.#queue = gauge("balancer_queue_length", "Requests that wait for a server.", [
      "pool",
      "priority",
    ]);
    this.#wait = histogram(
      "balancer_wait_seconds",
      "Time that requests waited for a server.",
      waitSeconds,
    );
    this.#firstByte = histogram(
      "balancer_first_byte_seconds",
      "Time from a request to the first byte of its answer.",
      firstTokenSeconds,
    );
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
    this.#recorder.value(series.modelServersDown).take(down);
  }

  /** Callbacks for the pool of this name. */
  pool(pool: string) {
    return {
      onPick: ({ id }: Server, waitedMs: number): void => {
        this.#picks.with(pool, id).value++;
        this.#wait.with(pool).observe(waitedMs / 1000);
      },
      onFirstByte: (_: Server, latencyMs: number): void =>
        this.#firstByte.with(pool).observe(latencyMs / 1000),
      onEnd: ({ id }: Server, end: string): void => {
        this.#ends.with(pool, id, end).value++;
      },
      onEjection: ({ server, reason }: { server: Server; reason: string }): void => {
        this.#ejections.with(pool, server.id, reason).value++;
      },
      onQueue: (lengths: { readonly interactive: number; readonly background: number }): void => {
        this.#queue.with(pool, "interactive").value = lengths.interactive;
        this.#queue.with(pool, "background").value = lengths.background;
      },
    };
  }

  #addStates(exposition: Exposition, onOverflow: (metric: string) => void): void {
    exposition.add(
      new GaugeFamily(
        {
          name: "balancer_server_state",
          help: "1 for the state that a server is in, 0 for the others.",
          labels: ["pool", "server", "state"],
          maxChildren: 500 * states.length,
          onOverflow,
        },
        (gauges) => {
          gauges.clear();
          for (const [pool, server] of this.#servers()) {
            for (const state of states) {
              gauges.with(pool, server.id, state).value = server.state === state ? 1 : 0;
            }
          }
        },
      ),
    );
  }

  *#servers(): Generator<[pool: string, server: PooledServer]> {
    for (const [pool, read] of this.#watched) for (const server of read()) yield [pool, server];
  }
}
