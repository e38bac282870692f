import type { FigureName, FigureSource } from "@peregrine/alerts";
import type { Database } from "@peregrine/database";
import { emptySlot, mergeSlot, type ServerSlot, type Slot, series } from "@peregrine/metrics";
import { loadSlots } from "./load-slots.ts";

/** A span of the fleet: what each server did, all together, and how long that is. */
type Span = { servers: Slot[]; all: Slot; seconds: number };

/** Windows up to this are taken from 15 second slots, longer ones from those of 5 minutes. */
const fineMs = 15 * 60_000;
/** The figures of the fleet for so far back from now, for the rules of alerts. */
export async function recentFigures(
  database: Database,
  backMs: number,
  silentServers: number,
): Promise<FigureSource> {
  const nowMs = Date.now();
  const untilMs = nowMs + 1000;
  const [fine, coarse] = await Promise.all([
    loadSlots(database, 15, nowMs - Math.min(backMs, fineMs) - 15_000, untilMs),
    backMs <= fineMs ? [] : loadSlots(database, 300, nowMs - backMs - 300_000, untilMs),
  ]);
  const short = sourceOf(fine, 15, silentServers);
  const long = sourceOf(coarse, 300, silentServers);
  return {
    value: (figure, fromMs, toMs) =>
      (nowMs - fromMs <= fineMs ? short : long).value(figure, fromMs, toMs),
  };
}

/** The figures of the past, as far as 5 minutes tell them apart, for trying a rule. */
export async function pastFigures(
  database: Database,
  fromMs: number,
  toMs: number,
): Promise<FigureSource> {
  return sourceOf(await loadSlots(database, 300, fromMs, toMs), 300, 0);
}

function sourceOf(
  slots: readonly ServerSlot[],
  stepSeconds: number,
  silentServers: number,
): FigureSource {
  const starts = slots.map(({ atMs }) => atMs);
  const spans = new Map<string, Span | null>();

  /** Every slot that reaches into the range; they are in order of time. */
  function spanOf(fromMs: number, toMs: number): Span | null {
    const key = `${fromMs}:${toMs}`;
    const known = spans.get(key);
    if (known !== undefined) return known;
    const byServer = new Map<string, Slot>();
    const times = new Set<number>();
    for (let i = lowerBound(starts, fromMs - stepSeconds * 1000 + 1); i < slots.length; i++) {
      const { server, atMs, slot } = slots[i] as ServerSlot;
      if (atMs >= toMs) break;
      const sum = byServer.get(server) ?? emptySlot();
      mergeSlot(sum, slot);
      byServer.set(server, sum);
      times.add(atMs);
    }
    const servers = [...byServer.values()];
    const span =
      servers.length === 0
        ? null
        : { servers, all: sumOf(servers), seconds: times.size * stepSeconds };
    spans.set(key, span);
    return span;
  }

  return {
    value(figure, fromMs, toMs) {
      if (figure === "silent_servers") return silentServers;
      // It has just given these figures.
      if (figure === "database_down") return 0;
      const span = spanOf(fromMs, toMs);
      return span && readers[figure](span);
    },
  };
}

/** Null where nobody told it, undefined where there is nothing of the kind. */
type Reader = (span: Span) => number | null | undefined;

const count =
  (name: string): Reader =>
  ({ all }) =>
    all.counts.get(name) ?? 0;
const rate =
  (name: string): Reader =>
  ({ all, seconds }) =>
    (all.counts.get(name) ?? 0) / seconds;
const quantile =
  (name: string, share: number): Reader =>
  ({ all }) =>
    all.times.get(name)?.quantile(share) ?? null;
const ratio =
  (part: (all: Slot) => number, whole: (all: Slot) => number): Reader =>
  ({ all }) => {
    const total = whole(all);
    return total === 0 ? null : part(all) / total;
  };
/** Of the server where it is greatest. */
const greatest =
  (name: string): Reader =>
  ({ servers }) => {
    const means = meansOf(servers, name);
    return means.length === 0 ? null : Math.max(...means);
  };
/** The same of what not every installation has. */
const greatestIfAny =
  (name: string): Reader =>
  ({ servers }) => {
    const means = meansOf(servers, name);
    return means.length === 0 ? undefined : Math.max(...means);
  };
/** Of all servers together. */
const total =
  (name: string): Reader =>
  ({ servers }) => {
    const means = meansOf(servers, name);
    return means.length === 0 ? null : means.reduce((sum, mean) => sum + mean, 0);
  };

const requests = (all: Slot) => all.counts.get(series.requests) ?? 0;
const hits = (all: Slot) => sumOfGroup(all, series.cacheHits);
const reads = (all: Slot) => hits(all) + sumOfGroup(all, series.cacheMisses);
const modelRequests = (all: Slot) => all.counts.get(series.modelRequests) ?? 0;

/** Those two do not come from the windows. */
const readers: Record<Exclude<FigureName, "silent_servers" | "database_down">, Reader> = {
  response_time_p50: quantile(series.responseTime, 0.5),
  response_time_p95: quantile(series.responseTime, 0.95),
  response_time_p99: quantile(series.responseTime, 0.99),
  requests: count(series.requests),
  errors: count(series.errors),
  error_rate: ratio((all) => all.counts.get(series.errors) ?? 0, requests),
  refused: count(series.refused),
  throughput: rate(series.requests),
  cache_hit_ratio: ratio(hits, reads),
  cache_reads: ({ all }) => reads(all),
  cpu: greatest(series.cpu),
  memory: greatest(series.memory),
  disk: greatest(series.disk),
  event_loop_delay: greatest(series.eventLoopDelay),
  connections: total(series.connections),
  running_answers: total(series.answers),
  queue_length: total(series.queue),
  first_token_p95: quantile(series.firstToken, 0.95),
  model_requests: count(series.modelRequests),
  model_error_rate: ratio((all) => sumOfGroup(all, series.modelErrors), modelRequests),
  database_errors: count(series.queryErrors),
  model_servers_down: greatestIfAny(series.modelServersDown),
  invalidation_lag: greatest(series.invalidationLag),
  replication_lag: greatestIfAny(series.replicationLag),
  purges_waiting: greatest(series.purgesWaiting),
  purges_failing: greatest(series.purgesFailing),
  purge_delay: greatest(series.purgeDelay),
  certificate_days: ({ servers }) => {
    if (meansOf(servers, series.certificatesWatched).length === 0) return undefined;
    const days = meansOf(servers, series.certificateDays);
    return days.length === 0 ? null : Math.min(...days);
  },
};

function sumOf(servers: readonly Slot[]): Slot {
  const all = emptySlot();
  for (const slot of servers) mergeSlot(all, slot);
  return all;
}

function meansOf(servers: readonly Slot[], name: string): number[] {
  return servers.flatMap((slot) => {
    const taken = slot.values.get(name);
    return taken ? [taken.sum / taken.count] : [];
  });
}

function sumOfGroup({ counts }: Slot, prefix: string): number {
  let sum = 0;
  for (const [name, value] of counts) if (name.startsWith(prefix)) sum += value;
  return sum;
}

/** The first place whose value is not below. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
