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
  models: Record<string, ModelFigures>;
  /** Null where nothing is balanced over. */
  model_servers_down: number | null;
  /** Seconds that the knowledge is old which memory caches serve by. */
  invalidation_lag: number | null;
  /** Seconds that the latest replica is behind. Null where there is none. */
  replication_lag: number | null;
  /** Deleted files that are still to be removed from the store and from caches. */
  purges_waiting: number | null;
  purges_failing: number | null;
  /** Days until the first certificate ends. Null where there is none to watch, or it is unknown. */
  certificate_days: number | null;
};

/** What one model, or one model server, did in a span. */
type ModelFigures = {
  requests: number;
  errors: number;
  first_token: { p50: number | null; p95: number | null };
  /** Tokens a second, of all its answers together. */
  tokens: number;
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
  /** Of what every server tells of the same thing, or where the worst of them counts. */
  const worst = (name: string, pick = Math.max) => {
    const means = servers.flatMap((slot) => {
      const taken = slot.values.get(name);
      return taken ? [taken.sum / taken.count] : [];
    });
    return means.length === 0 ? null : pick(...means);
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
    models: modelsOf(all, seconds),
    model_servers_down: worst(series.modelServersDown),
    invalidation_lag: worst(series.invalidationLag),
    replication_lag: worst(series.replicationLag),
    purges_waiting: worst(series.purgesWaiting),
    purges_failing: worst(series.purgesFailing),
    certificate_days: worst(series.certificateDays, Math.min),
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

function modelsOf(slot: Slot, seconds: number): Figures["models"] {
  const { requestsOf, errorsOf, tokensOf, firstTokenOf } = series;
  return byName(slot, seconds, [requestsOf, errorsOf, tokensOf, firstTokenOf]);
}

/**
 * What each model server did, by its id, as all servers saw it.
 *
 * @param slots of all servers in a span, which is `seconds` long
 */
export function modelServersOf(
  slots: Iterable<Slot>,
  seconds: number,
): Record<string, ModelFigures> {
  const all = emptySlot();
  for (const slot of slots) mergeSlot(all, slot);
  const { askedOf, failedOf, serverTokensOf, serverFirstTokenOf } = series;
  return byName(all, seconds, [askedOf, failedOf, serverTokensOf, serverFirstTokenOf]);
}

type Prefixes = readonly [requests: string, errors: string, tokens: string, firstToken: string];

function byName(
  { counts, times }: Slot,
  seconds: number,
  [requests, errors, tokens, firstToken]: Prefixes,
): Record<string, ModelFigures> {
  // Tokens and failures still come in spans in which nothing was asked.
  const names = new Set(
    [requests, errors, tokens].flatMap((prefix) => group(counts, prefix).map(([name]) => name)),
  );
  return Object.fromEntries(
    [...names].map((name) => {
      const taken = times.get(firstToken + name);
      return [
        name,
        {
          requests: counts.get(requests + name) ?? 0,
          errors: counts.get(errors + name) ?? 0,
          first_token: { p50: taken?.quantile(0.5) ?? null, p95: taken?.quantile(0.95) ?? null },
          tokens: (counts.get(tokens + name) ?? 0) / seconds,
        },
      ];
    }),
  );
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
