import { type SchemaOptions, type Static, type TUnsafe, Type } from "@sinclair/typebox";
import { Id, Timestamp } from "./common.ts";

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);
/** One of several words. */
const literals = <const T extends readonly string[]>(values: T, options: SchemaOptions = {}) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    options,
  ) as unknown as TUnsafe<T[number]>;

/** A session of Postgres that others wait for. What it runs is not told: it may hold texts. */
export const BlockingSession = Type.Object({
  pid: Type.Integer(),
  user: nullable(Type.String()),
  application: nullable(Type.String()),
  state: nullable(Type.String({ description: "As in pg_stat_activity." })),
  transactionAgeMs: nullable(Type.Number()),
});
export type BlockingSession = Static<typeof BlockingSession>;

/** What a query cost, before or after an index. */
export const QueryCost = Type.Object({
  plan: Type.String({ description: "How the table was read: `Seq Scan on messages`." }),
  cost: Type.Number({ description: "The planner's estimate, in its own unit." }),
  durationMs: nullable(Type.Number({ description: "Null where it was not run to its end." })),
});
export type QueryCost = Static<typeof QueryCost>;

export const OptimiserAction = Type.Object({
  step: literals(["indexes", "maintenance", "settings"]),
  name: Type.String({ description: "The index, table or setting." }),
  outcome: literals(["done", "planned", "unneeded", "not_permitted", "blocked", "failed"], {
    description:
      "done; planned (a dry run would do it); unneeded (all is well); not_permitted; blocked (another session held it up too long); failed.",
  }),
  detail: Type.String(),
  sql: nullable(Type.String()),
  undo: nullable(Type.String()),
  durationMs: nullable(Type.Number()),
  sizeBytes: nullable(Type.Number({ description: "Of a built index." })),
  query: nullable(Type.Object({ sql: Type.String(), before: QueryCost, after: QueryCost })),
});
export type OptimiserAction = Static<typeof OptimiserAction>;

export const Advice = Type.Object({
  name: Type.String({ description: "It is applied by this name." }),
  kind: literals([
    "missing_index",
    "unused_index",
    "duplicate_index",
    "invalid_index",
    "bloat",
    "slow_statement",
    "autovacuum",
    "transaction_ids",
    "long_transaction",
    "sequence",
    "cache_hit",
    "setting",
    "extension",
  ]),
  summary: Type.String(),
  evidence: Type.String(),
  cost: Type.String({ description: "What following it takes, and what is lost by it." }),
  confidence: literals(["proven", "measured", "guess"]),
  sql: nullable(Type.String()),
  undo: nullable(Type.String()),
  applicable: Type.Boolean({ description: "Whether it can be applied by name." }),
});
export type Advice = Static<typeof Advice>;

export const OptimiserResult = Type.Object({
  actions: Type.Array(OptimiserAction),
  advice: Type.Array(Advice),
  notes: Type.Array(Type.String({ description: "What could not be looked at, and why." })),
});
export type OptimiserResult = Static<typeof OptimiserResult>;

export const OptimiserProgress = Type.Object({
  step: Type.String(),
  detail: Type.String(),
  fraction: nullable(Type.Number({ description: "Of the step, 0 to 1, where it is known." })),
  blockedBy: Type.Array(BlockingSession),
});
export type OptimiserProgress = Static<typeof OptimiserProgress>;

export const OptimiserRun = Type.Object({
  id: Id,
  kind: literals(["optimise", "apply"]),
  trigger: literals(["administrator", "schedule", "command"]),
  advice: nullable(Type.String({ description: "The name of the advice that is applied." })),
  status: literals(["running", "done", "failed", "cancelled", "interrupted"]),
  progress: nullable(OptimiserProgress),
  result: nullable(OptimiserResult),
  error: nullable(Type.String()),
  startedAt: Timestamp,
  finishedAt: nullable(Timestamp),
});
export type OptimiserRun = Static<typeof OptimiserRun>;

export const OptimiserRunBody = Type.Object({ run: OptimiserRun });
export type OptimiserRunBody = Static<typeof OptimiserRunBody>;

export const OptimiserPlanBody = Type.Object({ plan: OptimiserResult });
export type OptimiserPlanBody = Static<typeof OptimiserPlanBody>;

export const OptimiserStateBody = Type.Object({
  running: nullable(OptimiserRun),
  history: Type.Array(OptimiserRun, { description: "Newest first." }),
});
export type OptimiserStateBody = Static<typeof OptimiserStateBody>;

/** `true` for the plan alone. */
export const DryRunQuery = Type.Object(
  { dry_run: Type.Optional(literals(["true", "false"])) },
  { additionalProperties: false },
);

export const AdviceParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) });

const TableFigures = Type.Object({
  name: Type.String(),
  sizeBytes: Type.Number({ description: "With indexes and long values." }),
  indexBytes: Type.Number(),
  rowsAlive: Type.Number(),
  rowsDead: Type.Number(),
  hitRatio: nullable(Type.Number()),
  lastVacuumAt: nullable(Timestamp),
  lastAnalyzeAt: nullable(Timestamp),
  vacuumDistance: Type.Number({ description: "Dead rows, of those at which autovacuum begins." }),
});

const StatementFigures = Type.Object({
  sql: Type.String({ description: "Without values." }),
  calls: Type.Number(),
  meanMs: Type.Number(),
  totalMs: Type.Number(),
  rowsPerCall: Type.Number(),
});

export const DatabasePerformanceBody = Type.Object({
  version: Type.String(),
  sizeBytes: Type.Number(),
  connections: Type.Object({
    used: Type.Integer({ description: "In all of Postgres." }),
    active: Type.Integer(),
    idleInTransaction: Type.Integer(),
    waitingForLock: Type.Integer(),
    max: Type.Integer(),
  }),
  pool: Type.Object(
    { active: Type.Integer(), waiting: Type.Integer(), size: Type.Integer() },
    { description: "Of this server process." },
  ),
  hitRatio: Type.Object({
    tables: nullable(Type.Number()),
    indexes: nullable(Type.Number()),
  }),
  tables: Type.Array(TableFigures),
  slowStatements: nullable(
    Type.Array(StatementFigures, {
      description: "Slowest first; null without pg_stat_statements.",
    }),
  ),
  statementKinds: nullable(
    Type.Array(Type.Object({ kind: Type.String(), calls: Type.Number(), totalMs: Type.Number() }), {
      description: "Time by kind of statement, of all servers, since Postgres' figures began.",
    }),
  ),
  queries: Type.Array(
    Type.Object({
      name: Type.String(),
      calls: Type.Integer(),
      errors: Type.Integer(),
      meanMs: Type.Number(),
      maxMs: Type.Number(),
      totalMs: Type.Number(),
      waitMs: Type.Number({ description: "In all, waiting for a connection." }),
    }),
    { description: "By operation, of this server process since its start; most time first." },
  ),
  replication: Type.Object({
    isReplica: Type.Boolean(),
    lagMs: nullable(Type.Number({ description: "How far this one is behind, if a replica." })),
    replicas: Type.Array(
      Type.Object({
        name: Type.String(),
        state: Type.String(),
        lagMs: nullable(Type.Number()),
        lagBytes: nullable(Type.Number()),
      }),
    ),
  }),
  transactionIds: Type.Object({
    age: Type.Number(),
    freezeAt: Type.Number({ description: "The age at which autovacuum is forced." }),
  }),
});
export type DatabasePerformanceBody = Static<typeof DatabasePerformanceBody>;
