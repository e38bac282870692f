import type { Figures } from "@peregrine/protocol";
import { amount, type Format, percent, seconds } from "./format.ts";

/** A line of a figure: p50, p95 and p99 of the response time are three. */
type Line = { name: string; read: (figures: Figures) => number | null };

/** A figure of the page. */
export type FigureView = {
  id: string;
  title: string;
  /** The first is the one in the tile. */
  lines: readonly [Line, ...Line[]];
  format: Format;
  /** Alerts that say that this figure is wrong. */
  alerts: readonly string[];
};

/** The eight key figures, and what answers are like. */
export const figureViews: readonly FigureView[] = [
  {
    id: "response_time",
    title: "Response time",
    lines: [
      { name: "p95", read: (figures) => figures.response_time.p95 },
      { name: "p50", read: (figures) => figures.response_time.p50 },
      { name: "p99", read: (figures) => figures.response_time.p99 },
    ],
    format: seconds,
    alerts: ["response_time"],
  },
  {
    id: "throughput",
    title: "Requests a second",
    lines: [{ name: "requests", read: (figures) => figures.throughput }],
    format: amount,
    alerts: ["silent_servers"],
  },
  {
    id: "error_rate",
    title: "Error rate",
    lines: [{ name: "errors", read: (figures) => figures.error_rate }],
    format: percent,
    alerts: ["error_rate", "error_budget_fast", "error_budget_slow"],
  },
  {
    id: "cache",
    title: "Cache hit ratio",
    lines: [{ name: "hits", read: hitRatio }],
    format: percent,
    alerts: ["cache_hit_ratio"],
  },
  {
    id: "database",
    title: "Database time",
    lines: [{ name: "a call", read: meanQueryTime }],
    format: seconds,
    alerts: [],
  },
  {
    id: "resources",
    title: "CPU, memory, disk",
    lines: [
      { name: "CPU", read: (figures) => figures.cpu },
      { name: "memory", read: (figures) => figures.memory },
      { name: "disk", read: (figures) => figures.disk },
    ],
    format: percent,
    alerts: ["cpu", "memory", "disk_full_in_a_day"],
  },
  {
    id: "connections",
    title: "Active connections",
    lines: [
      { name: "sockets", read: (figures) => figures.connections },
      { name: "answers", read: (figures) => figures.running_answers },
    ],
    format: amount,
    alerts: [],
  },
  {
    id: "queue",
    title: "Queue length",
    lines: [{ name: "waiting", read: (figures) => figures.queue_length }],
    format: amount,
    alerts: ["queue_growth"],
  },
  {
    id: "first_token",
    title: "Time to first token",
    lines: [
      { name: "p95", read: (figures) => figures.first_token.p95 },
      { name: "p50", read: (figures) => figures.first_token.p50 },
    ],
    format: seconds,
    alerts: ["first_token", "model_errors"],
  },
  {
    id: "tokens",
    title: "Tokens a second",
    lines: [{ name: "tokens", read: (figures) => figures.tokens }],
    format: amount,
    alerts: [],
  },
];

function hitRatio({ cache_hits, cache_reads }: Figures): number | null {
  return cache_reads === 0 ? null : cache_hits / cache_reads;
}

function meanQueryTime({ database }: Figures): number | null {
  let count = 0;
  let sum = 0;
  for (const statement of Object.values(database)) {
    count += statement.count;
    sum += statement.count * statement.mean;
  }
  return count === 0 ? null : sum / count;
}
