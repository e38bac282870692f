import { series } from "./series.ts";
import { emptySlot, mergeSlot, type Slot } from "./slot.ts";

/** The figures of a span, over one server or several. Null is unknown: nothing happened, or nobody told. */
export type Figures = {
  /** Seconds. */
  response_time: { p50: number | null; p95: number | null; p99: number | null };
  /** Requests a second. */
  throughput: number;
  error_rate: number | null;
  refused: number;
  cache_hit_ratio: Record<string, number>;
  /** By statement: how often, and seconds a call. */
  database: Record<string, { count: number; mean: number; max: number }>;
  cpu: number | null;
  memory: number | null;
  disk: number | null;
  /** Seconds, on average. */
  event_loop_delay: number | null;
  connections: number | null;
  running_answers: number | null;
  queue_length: number | null;
  /** Seconds. */
  first_token: { p50: number | null; p95: number | null };
  /** Tokens a second, of all answers together. */
  tokens: number;
  model_errors: Record<string, number>;
};

/** @param servers what each server did in the span, which is `seconds` long */
export function figuresOf(servers: readonly Slot[], seconds: number): Figures {
  const all = emptySlot();
  for (const slot of servers) mergeSlot(all, slot);
  const count = (name: string) => all.counts.get(name) ?? 0;
  /** Of what each server has its own, such as its CPU. */
  const mean = (name: string) => {
    const taken = all.values.get(name);
    return taken ? taken.sum / taken.count : null;
  };
  /** Of what adds up over servers, such as connections. */
  const total = (name: string) => {
    const means = servers.flatMap((slot) => {
      const taken = slot.values.get(name);
      return taken ? [taken.sum / taken.count] : [];
    });
    return means.length === 0 ? null : means.reduce((sum, value) => sum + value, 0);
  };
  const responseTime = all.times.get(series.responseTime);
  const firstToken = all.times.get(series.firstToken);
  const requests = count(series.requests);
  return {
    response_time: {
      p50: responseTime?.quantile(0.5) ?? null,
      p95: responseTime?.quantile(0.95) ?? null,
      p99: responseTime?.quantile(0.99) ?? null,
    },
    throughput: requests / seconds,
    error_rate: requests === 0 ? null : count(series.errors) / requests,
    refused: count(series.refused),
    cache_hit_ratio: hitRatios(all),
    database: statements(all),
    cpu: mean(series.cpu),
    memory: mean(series.memory),
    disk: mean(series.disk),
    event_loop_delay: mean(series.eventLoopDelay),
    connections: total(series.connections),
    running_answers: total(series.answers),
    queue_length: total(series.queue),
    first_token: {
      p50: firstToken?.quantile(0.5) ?? null,
      p95: firstToken?.quantile(0.95) ?? null,
    },
    tokens: count(series.tokens) / seconds,
    model_errors: Object.fromEntries(group(all.counts, series.modelErrors)),
  };
}

function hitRatios({ counts }: Slot): Record<string, number> {
  const hits = new Map(group(counts, series.cacheHits));
  const misses = new Map(group(counts, series.cacheMisses));
  const types = new Set([...hits.keys(), ...misses.keys()]);
  const ratios: Record<string, number> = {};
  for (const type of types) {
    const hit = hits.get(type) ?? 0;
    ratios[type] = hit / (hit + (misses.get(type) ?? 0));
  }
  return ratios;
}

function statements({ values }: Slot): Figures["database"] {
  return Object.fromEntries(
    group(values, series.query).map(([name, { count, sum, max }]) => [
      name,
      { count, mean: sum / count, max },
    ]),
  );
}

/** The entries of a group, by what they are about. */
function group<T>(entries: Map<string, T>, prefix: string): [string, T][] {
  const found: [string, T][] = [];
  for (const [name, value] of entries) {
    if (name.startsWith(prefix)) found.push([name.slice(prefix.length), value]);
  }
  return found;
}
