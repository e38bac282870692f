import type { Counter, CounterFamily } from "./families/counter.ts";
import type { GaugeFamily } from "./families/gauge.ts";
import type { Histogram, HistogramFamily } from "./families/histogram.ts";

type Server = { readonly id: string };

/** Where what happens in pools is counted; `pool` is the first label of each. */
export type PoolFamilies = {
  readonly picks: CounterFamily;
  readonly ends: CounterFamily;
  readonly ejections: CounterFamily;
  readonly healthChecks: CounterFamily;
  readonly retries: CounterFamily;
  readonly retriesRefused: CounterFamily;
  readonly hedges: CounterFamily;
  readonly hedgesWon: CounterFamily;
  readonly queue: GaugeFamily;
  readonly wait: HistogramFamily;
  readonly firstByte: HistogramFamily;
};

type ServerFigures = {
  readonly picks: Counter;
  readonly firstByte: Histogram;
  readonly ends: Map<string, Counter>;
};

/**
 * Callbacks for one pool. What a server's requests are counted into is bound at its first one, and
 * lives as long as the pool knows the server: from then on a call is one look-up and an addition.
 */
export function recordPool(pool: string, families: PoolFamilies) {
  const byServer = new WeakMap<Server, ServerFigures>();
  const wait = families.wait.with(pool);
  const [interactive, background] = [
    families.queue.with(pool, "interactive"),
    families.queue.with(pool, "background"),
  ];
  // Nobody waits until it is told.
  interactive.value = 0;
  background.value = 0;
  const bind = (server: Server): ServerFigures => {
    const figures = {
      picks: families.picks.with(pool, server.id),
      firstByte: families.firstByte.with(pool, server.id),
      ends: new Map<string, Counter>(),
    };
    byServer.set(server, figures);
    return figures;
  };
  return {
    onPick: (server: Server, waitedMs: number): void => {
      (byServer.get(server) ?? bind(server)).picks.value++;
      wait.observe(waitedMs / 1000);
    },
    onFirstByte: (server: Server, latencyMs: number): void =>
      (byServer.get(server) ?? bind(server)).firstByte.observe(latencyMs / 1000),
    onEnd: (server: Server, end: string): void => {
      const { ends } = byServer.get(server) ?? bind(server);
      let counter = ends.get(end);
      if (!counter) {
        counter = families.ends.with(pool, server.id, end);
        ends.set(end, counter);
      }
      counter.value++;
    },
    onEjection: ({ server, reason }: { server: Server; reason: string }): void => {
      families.ejections.with(pool, server.id, reason).value++;
    },
    onProbe: ({ server, ok }: { server: Server; ok: boolean }): void => {
      families.healthChecks.with(pool, server.id, ok ? "passed" : "failed").value++;
    },
    onQueue: (lengths: { readonly interactive: number; readonly background: number }): void => {
      interactive.value = lengths.interactive;
      background.value = lengths.background;
    },
    /** A request is tried again on another server, because of this. */
    onRetry: (reason: string): void => {
      families.retries.with(pool, reason).value++;
    },
    /** A request is sent to a second server beside the first. */
    onHedge: (): void => {
      families.hedges.with(pool).value++;
    },
    /** The second one answered first. */
    onHedgeWon: (): void => {
      families.hedgesWon.with(pool).value++;
    },
    /** A request would have been tried again, and the budget was used up. */
    onBudgetSpent: (): void => {
      families.retriesRefused.with(pool).value++;
    },
  };
}
