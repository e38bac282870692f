export type Unit = "seconds" | "fraction" | "count" | "per second" | "days";

type Figure = {
  about: string;
  unit: Unit;
  /** The same in Prometheus' own language; `$w` stands for the window. */
  promql: string;
  /** What has no value when nothing happened, which is not the same as a series that is missing. */
  needsTraffic?: true;
};

const requests = "http_requests_total";
const errors = `${requests}{status_code=~"5.."}`;
const quantile = (share: number, metric: string) =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket[$w])))`;
const gauge = (metric: string, over: "avg" | "sum" | "max") =>
  `${over}(avg_over_time(${metric}[$w]))`;

/** Everything that a rule can speak of, over the whole fleet. */
export const figures = {
  response_time_p50: {
    about: "Half of the responses begin within this time.",
    unit: "seconds",
    promql: quantile(0.5, "http_request_duration_seconds"),
    needsTraffic: true,
  },
  response_time_p95: {
    about: "19 of 20 responses begin within this time.",
    unit: "seconds",
    promql: quantile(0.95, "http_request_duration_seconds"),
    needsTraffic: true,
  },
  response_time_p99: {
    about: "99 of 100 responses begin within this time.",
    unit: "seconds",
    promql: quantile(0.99, "http_request_duration_seconds"),
    needsTraffic: true,
  },
  requests: {
    about: "Requests in the window.",
    unit: "count",
    promql: `sum(increase(${requests}[$w]))`,
  },
  errors: {
    about: "Responses of 500 and above in the window.",
    unit: "count",
    promql: `(sum(increase(${errors}[$w])) or vector(0))`,
  },
  error_rate: {
    about: "Share of the responses that are 500 and above.",
    unit: "fraction",
    promql: `((sum(rate(${errors}[$w])) or vector(0)) / sum(rate(${requests}[$w])))`,
    needsTraffic: true,
  },
  refused: {
    about: "Requests in the window that were refused under load.",
    unit: "count",
    promql: "(sum(increase(http_requests_refused_total[$w])) or vector(0))",
  },
  throughput: {
    about: "Requests a second.",
    unit: "per second",
    promql: `sum(rate(${requests}[$w]))`,
  },
  cache_hit_ratio: {
    about: "Share of the reads of all caches that found their value.",
    unit: "fraction",
    promql:
      "(sum(rate(cache_hits_total[$w])) / (sum(rate(cache_hits_total[$w])) + sum(rate(cache_misses_total[$w]))))",
    needsTraffic: true,
  },
  cache_reads: {
    about: "Reads of all caches in the window.",
    unit: "count",
    promql: "(sum(increase(cache_hits_total[$w])) + sum(increase(cache_misses_total[$w])))",
  },
  cpu: {
    about: "CPU in use on the busiest server.",
    unit: "fraction",
    promql: gauge("system_cpu_usage_ratio", "max"),
  },
  memory: {
    about: "Memory in use on the fullest server.",
    unit: "fraction",
    promql: gauge("system_memory_usage_ratio", "max"),
  },
  disk: {
    about: "Disk in use on the fullest server.",
    unit: "fraction",
    promql: gauge("system_disk_usage_ratio", "max"),
  },
  event_loop_delay: {
    about: "How late the event loop of the latest server is, on average.",
    unit: "seconds",
    promql: gauge("event_loop_delay_seconds", "max"),
  },
  connections: {
    about: "Open WebSockets.",
    unit: "count",
    promql: gauge("websocket_active_connections", "sum"),
  },
  running_answers: {
    about: "Answers that are being written.",
    unit: "count",
    promql: gauge("answers_running", "sum"),
  },
  queue_length: {
    about: "Requests and statements that wait.",
    unit: "count",
    promql:
      '(sum(avg_over_time(http_requests_waiting[$w])) + sum(avg_over_time(database_pool_connections{state="waiting"}[$w])))',
  },
  first_token_p95: {
    about: "19 of 20 answers begin within this time.",
    unit: "seconds",
    promql: quantile(0.95, "model_time_to_first_token_seconds"),
    needsTraffic: true,
  },
  model_requests: {
    about: "Answers asked of models in the window.",
    unit: "count",
    promql: "sum(increase(model_requests_total[$w]))",
  },
  model_error_rate: {
    about: "Share of the answers that models failed to give.",
    unit: "fraction",
    promql:
      "((sum(rate(model_errors_total[$w])) or vector(0)) / sum(rate(model_requests_total[$w])))",
    needsTraffic: true,
  },
  database_errors: {
    about: "Statements in the window that failed.",
    unit: "count",
    promql: "(sum(increase(database_errors_total[$w])) or vector(0))",
  },
  model_servers_down: {
    about: "Model servers that are put aside because they fail.",
    unit: "count",
    promql:
      'max by () (sum by (job, instance) (avg_over_time(balancer_server_state{pool="models",state=~"ejected|down"}[$w])))',
  },
  invalidation_lag: {
    about: "How old the knowledge of writes is that memory caches serve by, where it is oldest.",
    unit: "seconds",
    promql: gauge("cache_invalidation_lag_seconds", "max"),
  },
  replication_lag: {
    about: "How far the latest replica of the database is behind, or for how long it is away.",
    unit: "seconds",
    promql: gauge("database_replication_lag_seconds", "max"),
  },
  purges_waiting: {
    about: "Deleted files that are to be removed from the store and from caches.",
    unit: "count",
    promql: gauge("cdn_purges_waiting", "max"),
  },
  purges_failing: {
    about: "Those of them whose last try failed.",
    unit: "count",
    promql: gauge("cdn_purges_failing", "max"),
  },
  purge_delay: {
    about: "How long the oldest of them has waited.",
    unit: "seconds",
    promql: gauge("cdn_purge_delay_seconds", "max"),
  },
  certificate_days: {
    about: "Days until the first of the certificates ends that people are shown.",
    unit: "days",
    promql: "((min(min_over_time(tls_certificate_not_after_seconds[$w])) - time()) / 86400)",
  },
  database_down: {
    about: "1 while the database does not answer, otherwise 0.",
    unit: "count",
    promql: "max(1 - avg_over_time(database_up[$w]))",
  },
  silent_servers: {
    about: "Servers that stopped telling figures without having been stopped.",
    unit: "count",
    promql: 'count(up{job="peregrine"} == 0) or vector(0)',
  },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof figures;

export function isFigure(name: string): name is FigureName {
  return Object.hasOwn(figures, name);
}

/** What can be said of each, for whoever writes a rule. */
export function describeFigures(): { name: FigureName; about: string; unit: Unit }[] {
  return Object.entries(figures).map(([name, { about, unit }]) => ({
    name: name as FigureName,
    about,
    unit,
  }));
}

export function needsTraffic(name: FigureName): boolean {
  const figure: Figure = figures[name];
  return figure.needsTraffic === true;
}

export function unitOfFigure(name: FigureName): Unit {
  return figures[name].unit;
}
