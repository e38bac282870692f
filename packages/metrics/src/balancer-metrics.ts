import { firstTokenSeconds, waitSeconds } from "./buckets.ts";
import type { Exposition } from "./exposition.ts";
import { CounterFamily } from "./families/counter.ts";
import { GaugeFamily } from "./families/gauge.ts";
import { HistogramFamily } from "./families/histogram.ts";

type Server = { readonly id: string };

/** What happens in pools of servers: of the application's, and of models'. */
export class BalancerMetrics {
  readonly #picks: CounterFamily;
  readonly #ends: CounterFamily;
  readonly #ejections: CounterFamily;
  readonly #states: GaugeFamily;
  readonly #queue: GaugeFamily;
  readonly #wait: HistogramFamily;
  readonly #firstByte: HistogramFamily;

  constructor(exposition: Exposition, onOverflow: (metric: string) => void) {
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
    this.#states = gauge("balancer_server_state", "1 for the state that a server is in.", [
      "pool",
      "server",
      "state",
    ]);
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
      onStateChange: ({ server, from, to }: { server: Server; from: string; to: string }): void => {
        this.#states.with(pool, server.id, from).value = 0;
        this.#states.with(pool, server.id, to).value = 1;
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
}
