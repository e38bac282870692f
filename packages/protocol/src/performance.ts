import { type Static, Type } from "@sinclair/typebox";
import { Id, Timestamp } from "./common.ts";
import { ErrorBody } from "./errors.ts";

const Count = Type.Number({ minimum: 0 });

/** What one type of cached value has done since the server started. */
const CacheTypeStats = Type.Object({
  layer: Type.Union([Type.Literal("memory"), Type.Literal("redis")]),
  memoryHits: Count,
  memoryMisses: Count,
});

export const CacheStatsBody = Type.Object({
  types: Type.Record(Type.String(), CacheTypeStats),
  memory: Type.Object({ entries: Count, bytes: Count, maxEntries: Count, maxBytes: Count }),
  loadsRunning: Count,
  breaker: Type.String({ description: "Of Redis: off, closed, open or half_open." }),
});

export const CacheClearedBody = Type.Object({
  memory_entries: Count,
  redis_entries: Count,
  done: Type.Boolean({ description: "False while Redis is still being swept." }),
});
export type CacheClearedBody = Static<typeof CacheClearedBody>;

export const CacheWarmedBody = Type.Object({
  warmed: Type.Record(Type.String(), Count, { description: "Entries put in, by type." }),
});
export type CacheWarmedBody = Static<typeof CacheWarmedBody>;

const Nullable = Type.Union([Type.Number(), Type.Null()]);
const NullableTime = Type.Union([Timestamp, Type.Null()]);
const Severity = Type.Union([
  Type.Literal("critical"),
  Type.Literal("warning"),
  Type.Literal("info"),
  Type.Literal("none"),
]);

/** What one model, or one model server, did in a span. */
const ModelFigures = Type.Object({
  requests: Type.Number(),
  errors: Type.Number(),
  first_token: Type.Object({ p50: Nullable, p95: Nullable }, { description: "Seconds." }),
  tokens: Type.Number({ description: "Tokens a second of all its answers." }),
});

/** The figures of a span, over one server or the fleet. Null is unknown, which is not zero. */
export const Figures = Type.Object({
  response_time: Type.Object(
    { p50: Nullable, p95: Nullable, p99: Nullable },
    { description: "Seconds, to the beginning of the response." },
  ),
  throughput: Type.Number({ description: "Requests a second." }),
  error_rate: Nullable,
  refused: Type.Number({ description: "Requests that were refused under load." }),
  cache_hit_ratio: Type.Record(Type.String(), Type.Number(), { description: "By type." }),
  database: Type.Record(
    Type.String(),
    Type.Object({ count: Type.Number(), mean: Type.Number(), max: Type.Number() }),
    { description: "By statement: how often, and seconds a call." },
  ),
  cpu: Nullable,
  memory: Nullable,
  disk: Nullable,
  event_loop_delay: Nullable,
  connections: Nullable,
  running_answers: Nullable,
  queue_length: Nullable,
  first_token: Type.Object({ p50: Nullable, p95: Nullable }),
  tokens: Type.Number({ description: "Tokens a second of all answers." }),
  model_errors: Type.Record(Type.String(), Type.Number()),
  models: Type.Record(Type.String(), ModelFigures),
  model_servers_down: Nullable,
  invalidation_lag: Nullable,
  replication_lag: Nullable,
  purges_waiting: Nullable,
  purges_failing: Nullable,
  certificate_days: Nullable,
});
export type Figures = Static<typeof Figures>;

/** What to do about something that has been so for a while. */
export const Recommendation = Type.Object({
  id: Type.String(),
  severity: Severity,
  title: Type.String(),
  seen: Type.String(),
  since: Timestamp,
  advice: Type.String(),
  remedy: Type.Union([
    Type.Object({ kind: Type.Literal("command"), command: Type.String() }),
    Type.Object({
      kind: Type.Literal("action"),
      action: Type.String(),
      label: Type.String(),
    }),
    Type.Null(),
  ]),
});
export type Recommendation = Static<typeof Recommendation>;
export const RecommendationListBody = Type.Object({
  recommendations: Type.Array(Recommendation),
});

/** How far copies of the truth are behind, and how long certificates are good for. */
export const FreshnessBody = Type.Object({
  invalidations: Type.Object({
    state: Type.String({ description: "solo, current, behind, suspended or cut-off." }),
    lag_seconds: Type.Number({ description: "How old the knowledge is that memory serves by." }),
    lag_records: Count,
  }),
  replicas: Type.Array(
    Type.Object({
      name: Type.String({ description: "Host and port." }),
      reachable: Type.Boolean(),
      lag_seconds: Type.Number(),
    }),
  ),
  purges: Type.Union(
    [
      Type.Object({
        waiting: Count,
        failing: Count,
        oldest_since: NullableTime,
        last_error: Type.Union([Type.String(), Type.Null()]),
      }),
      Type.Null(),
    ],
    { description: "Deleted files that are to be removed from the store and from caches." },
  ),
  certificates: Type.Array(
    Type.Object({
      name: Type.String(),
      ends_at: NullableTime,
      error: Type.Union([Type.String(), Type.Null()], {
        description: "Why it could not be read the last time.",
      }),
    }),
  ),
});
export type FreshnessBody = Static<typeof FreshnessBody>;

/** A server behind a balancer, as the balancer sees it now. */
export const BalancedServer = Type.Object({
  id: Type.String(),
  state: Type.String({
    description: "unproven, up, trial, cooling, ejected, down or draining.",
  }),
  reason: Type.String(),
  isBackup: Type.Boolean(),
  weight: Type.Number(),
  currentWeight: Type.Number({ description: "As a slow start leaves it." }),
  inFlight: Count,
  maxInFlight: Nullable,
  latencySeconds: Type.Number({ description: "To the first byte, as it is expected." }),
});
export type BalancedServer = Static<typeof BalancedServer>;

const ModelServer = Type.Composite([
  BalancedServer,
  Type.Object({
    figures: Type.Union([ModelFigures, Type.Null()], {
      description:
        "As all servers saw it over the last 5 minutes; null where it was not asked. A question that moved on counts at each server that was asked.",
    }),
  }),
]);

/** What answers, and the servers that it runs on. */
export const ModelPerformanceBody = Type.Object({
  models: Type.Record(Type.String(), ModelFigures, {
    description: "Of all servers over the last minute.",
  }),
  waiting: Type.Object(
    { interactive: Count, background: Count },
    { description: "Here, for any of the model servers: there is one line." },
  ),
  servers: Type.Array(ModelServer, {
    description: "As the balancer of this server sees them.",
  }),
});
export type ModelPerformanceBody = Static<typeof ModelPerformanceBody>;

/** What the front door's cache keeps, and did since the door started. */
export const EdgeCacheFigures = Type.Object({
  requests: Type.Integer({ description: "That could be answered from what it keeps." }),
  hits: Type.Integer({ description: "Those of them for which no server was asked anew." }),
  hitRatio: Nullable,
  bytes: Type.Number(),
  entries: Count,
});
export type EdgeCacheFigures = Static<typeof EdgeCacheFigures>;

/** The servers behind the front door. */
export const BalancerBody = Type.Object({
  door: Type.Union([Type.Literal("none"), Type.Literal("reachable"), Type.Literal("unreachable")], {
    description: "Whether a front door is known to this server, and whether it answers.",
  }),
  error: Type.Union([Type.Null(), ErrorBody.properties.error], {
    description: "Why it is unreachable.",
  }),
  servers: Type.Array(BalancedServer),
  cache: Type.Union([Type.Null(), EdgeCacheFigures], {
    description: "Of the door's own cache; null where it is off, or not told.",
  }),
});
export type BalancerBody = Static<typeof BalancerBody>;

export const DrainServerBody = Type.Object(
  { server: Type.String({ maxLength: 500 }), drained: Type.Boolean() },
  { additionalProperties: false },
);

/** How the server stands now. */
export const PerformanceBody = Type.Object({
  server: Type.String(),
  at: Timestamp,
  figures: Type.Union([Figures, Type.Null()], {
    description: "Of all servers over the last minute.",
  }),
  system_resources: Type.Object({
    cpu_usage: Type.Number(),
    cpu_cores: Type.Number(),
    memory_usage: Type.Number(),
    memory_bytes: Type.Number(),
    memory_limit_bytes: Type.Number(),
    process_memory_bytes: Type.Number(),
    disk_usage: Nullable,
    disk_free_bytes: Nullable,
    event_loop_delay_ms: Type.Number(),
    open_files: Nullable,
    pressure: Type.String(),
    pressure_since: Timestamp,
    requests_in_flight: Count,
    requests_limit: Count,
    requests_waiting: Count,
  }),
  cache_stats: CacheStatsBody,
  database_stats: Type.Object({
    connections_active: Count,
    connections_waiting: Count,
    connections_limit: Count,
  }),
  freshness: FreshnessBody,
  alerts_firing: Count,
  recommendations: Type.Array(Recommendation),
});
export type PerformanceBody = Static<typeof PerformanceBody>;

export const HistoryQuery = Type.Object(
  {
    from: Type.String({ format: "date-time" }),
    to: Type.Optional(Type.String({ format: "date-time", description: "Now without it." })),
    step: Type.Optional(
      Type.String({ pattern: "^[0-9]{1,7}$", description: "Seconds; fitting without it." }),
    ),
    server: Type.Optional(
      Type.String({ maxLength: 200, description: "One server; the fleet without it." }),
    ),
  },
  { additionalProperties: false },
);
export const HistoryBody = Type.Object({
  step: Type.Number({ description: "Seconds." }),
  points: Type.Array(
    Type.Object({
      at: Timestamp,
      servers: Type.Number({ description: "Servers that told figures." }),
      figures: Type.Union([Figures, Type.Null()]),
    }),
  ),
});
export type HistoryBody = Static<typeof HistoryBody>;

export const ServerListBody = Type.Object({
  servers: Type.Array(
    Type.Object({
      name: Type.String(),
      lastSeenAt: Timestamp,
      figures: Type.Union([Figures, Type.Null()], { description: "Of its last minute." }),
    }),
  ),
});
export type ServerListBody = Static<typeof ServerListBody>;

/** A rule of alerts. */
export const AlertRule = Type.Object(
  {
    id: Type.String({ maxLength: 60 }),
    title: Type.String({ maxLength: 200 }),
    advice: Type.String({ maxLength: 1000 }),
    expression: Type.String({
      maxLength: 500,
      description: "Over figures with their windows, such as `error_rate[5m] * 100`.",
    }),
    comparison: Type.Union([Type.Literal("above"), Type.Literal("below")]),
    threshold: Type.Number(),
    clearThreshold: Nullable,
    forSeconds: Type.Number(),
    severity: Severity,
    labels: Type.Record(Type.String(), Type.String({ maxLength: 200 })),
    least: Type.Union([
      Type.Object({ expression: Type.String({ maxLength: 500 }), value: Type.Number() }),
      Type.Null(),
    ]),
    inhibitedBy: Type.Array(Type.String({ maxLength: 60 }), { maxItems: 50 }),
    isEnabled: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type AlertRule = Static<typeof AlertRule>;

export const AlertRuleListBody = Type.Object({
  rules: Type.Array(
    Type.Object({
      rule: AlertRule,
      origin: Type.Union([Type.Literal("default"), Type.Literal("changed"), Type.Literal("own")]),
      updatedBy: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});
export type AlertRuleListBody = Static<typeof AlertRuleListBody>;
export const AlertRuleBody = Type.Object({ rule: AlertRule });

/** What a rule can speak of. */
export const AlertFigureListBody = Type.Object({
  figures: Type.Array(
    Type.Object({
      name: Type.String(),
      about: Type.String(),
      unit: Type.Union([
        Type.Literal("seconds"),
        Type.Literal("fraction"),
        Type.Literal("count"),
        Type.Literal("per second"),
        Type.Literal("days"),
      ]),
      value: Type.Union([Type.Number(), Type.Null()], {
        description: "Over the last minute. Null where it is missing or nothing happened.",
      }),
    }),
  ),
});
export type AlertFigureListBody = Static<typeof AlertFigureListBody>;

/** What a rule would have done in the past week. */
export const AlertTrialBody = Type.Object({
  firings: Type.Array(Type.Object({ from: Timestamp, to: NullableTime, peak: Type.Number() })),
  looks: Type.Number(),
  missing: Type.Number({ description: "Looks at which a figure was missing." }),
});
export type AlertTrialBody = Static<typeof AlertTrialBody>;

export const AlertListBody = Type.Object({
  alerts: Type.Array(
    Type.Object({
      ruleId: Type.String(),
      title: Type.String(),
      advice: Type.String(),
      severity: Severity,
      state: Type.Union([
        Type.Literal("inactive"),
        Type.Literal("pending"),
        Type.Literal("firing"),
        Type.Literal("unknown"),
      ]),
      since: NullableTime,
      value: Nullable,
      comparison: Type.String(),
      threshold: Type.Number(),
      missing: Type.Union([Type.String(), Type.Null()], {
        description: "A figure that should be there and is not.",
      }),
      acknowledgedBy: Type.Union([Type.String(), Type.Null()]),
      silencedUntil: NullableTime,
    }),
  ),
  events: Type.Array(
    Type.Object({
      id: Id,
      ruleId: Type.String(),
      kind: Type.Union([Type.Literal("firing"), Type.Literal("resolved")]),
      at: Timestamp,
      value: Nullable,
    }),
    { description: "Of the last week, the newest first." },
  ),
  silences: Type.Array(
    Type.Object({
      id: Id,
      ruleId: Type.Union([Type.String(), Type.Null()]),
      until: Timestamp,
      reason: Type.String(),
      createdBy: Type.String(),
    }),
  ),
  receivers: Type.Array(Type.String()),
});
export type AlertListBody = Static<typeof AlertListBody>;

export const SilenceBody = Type.Object(
  {
    ruleId: Type.Union([Type.String({ maxLength: 60 }), Type.Null()], {
      description: "Null for all rules.",
    }),
    minutes: Type.Integer({ minimum: 1, maximum: 30 * 24 * 60 }),
    reason: Type.String({ minLength: 1, maxLength: 500 }),
  },
  { additionalProperties: false },
);
export const SilencedBody = Type.Object({ id: Id });

export const AuditBody = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Id,
      at: Timestamp,
      userName: Type.String(),
      action: Type.String(),
      subject: Type.String(),
      result: Type.String(),
    }),
  ),
});
export type AuditBody = Static<typeof AuditBody>;
