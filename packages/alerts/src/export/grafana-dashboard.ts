import { type FigureName, figures } from "../rules/figures.ts";

type Panel = { title: string; unit: string; targets: { promql: string; legend: string }[] };

const figure = (name: FigureName, legend: string) => ({
  promql: figures[name].promql.replaceAll("$w", "$__rate_interval"),
  legend,
});

/** The eight key figures, and what answers are like. */
const panels: readonly Panel[] = [
  {
    title: "Response time",
    unit: "s",
    targets: [
      figure("response_time_p50", "p50"),
      figure("response_time_p95", "p95"),
      figure("response_time_p99", "p99"),
    ],
  },
  { title: "Throughput", unit: "reqps", targets: [figure("throughput", "requests")] },
  { title: "Error rate", unit: "percentunit", targets: [figure("error_rate", "errors")] },
  {
    title: "Cache hit ratio by type",
    unit: "percentunit",
    targets: [
      {
        promql:
          "sum by (cache_type) (rate(cache_hits_total[$__rate_interval])) / (sum by (cache_type) (rate(cache_hits_total[$__rate_interval])) + sum by (cache_type) (rate(cache_misses_total[$__rate_interval])))",
        legend: "{{cache_type}}",
      },
    ],
  },
  {
    title: "Database time by query",
    unit: "s",
    targets: [
      {
        promql:
          "topk(10, sum by (table, query_type) (rate(database_query_duration_seconds_sum[$__rate_interval])))",
        legend: "{{table}} {{query_type}}",
      },
    ],
  },
  {
    title: "CPU, memory, disk",
    unit: "percentunit",
    targets: [figure("cpu", "CPU"), figure("memory", "memory"), figure("disk", "disk")],
  },
  {
    title: "Connections and answers",
    unit: "short",
    targets: [figure("connections", "sockets"), figure("running_answers", "answers")],
  },
  { title: "Queue length", unit: "short", targets: [figure("queue_length", "waiting")] },
  { title: "Time to first token", unit: "s", targets: [figure("first_token_p95", "p95")] },
  {
    title: "Edge cache hit ratio",
    unit: "percentunit",
    targets: [
      {
        promql:
          'sum(rate(edge_cache_requests_total{result=~"hit|stale|collapsed"}[$__rate_interval])) / sum(rate(edge_cache_requests_total{result!="bypass"}[$__rate_interval]))',
        legend: "hits",
      },
    ],
  },
  {
    title: "Front door",
    unit: "reqps",
    targets: [
      {
        promql: "sum by (source) (rate(edge_requests_total[$__rate_interval]))",
        legend: "answered by {{source}}",
      },
      {
        promql: 'sum(rate(edge_requests_total{status_code=~"5.."}[$__rate_interval]))',
        legend: "failed",
      },
      {
        promql: 'sum(rate(balancer_retries_total{pool="servers"}[$__rate_interval]))',
        legend: "tried again",
      },
    ],
  },
  {
    title: "Tokens a second",
    unit: "short",
    targets: [
      {
        promql: "sum by (model) (rate(model_tokens_total[$__rate_interval]))",
        legend: "{{model}}",
      },
    ],
  },
];

/** A dashboard to import into Grafana, over the metrics that Prometheus has scraped. */
export function grafanaDashboard(): object {
  const datasource = { type: "prometheus", uid: "$" + "{datasource}" };
  return {
    title: "Peregrine",
    uid: "peregrine",
    schemaVersion: 39,
    version: 1,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus" }] },
    panels: panels.map(({ title, unit, targets }, i) => ({
      id: i + 1,
      type: "timeseries",
      title,
      datasource,
      gridPos: { h: 8, w: 12, x: (i % 2) * 12, y: Math.floor(i / 2) * 8 },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: targets.map(({ promql, legend }, j) => ({
        refId: String.fromCharCode(65 + j),
        datasource,
        expr: promql,
        legendFormat: legend,
      })),
    })),
  };
}
