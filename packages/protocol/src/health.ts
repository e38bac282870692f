import { type Static, Type } from "@sinclair/typebox";

/** How loaded a server is, for whoever chooses among servers. */
export const LoadReport = Type.Object({
  cpu: Type.Number({ description: "Fraction of the CPU in use, 0 to 1." }),
  event_loop_delay_ms: Type.Number({ description: "How late timers run, on average." }),
  running_answers: Type.Integer({ description: "Answers that it is writing." }),
});
export type LoadReport = Static<typeof LoadReport>;

export const HealthBody = Type.Object({
  status: Type.Literal("ok"),
  cpu_usage: Type.Number({
    description: "Fraction of the CPU in use, of the machine's or the container's, 0 to 1.",
  }),
  memory_usage: Type.Number({
    description: "Fraction of the memory in use, of the machine's or the container's, 0 to 1.",
  }),
  pressure: Type.Union(
    [
      Type.Literal("normal"),
      Type.Literal("background_waits"),
      Type.Literal("caches_shrink"),
      Type.Literal("low_priority_refused"),
      Type.Literal("answers_refused"),
    ],
    { description: "What the server gives up because it runs short; each includes those before." },
  ),
  load: LoadReport,
  version: Type.String(),
  uptime: Type.Number({ description: "Seconds since start." }),
});
export type HealthBody = Static<typeof HealthBody>;

export const ReadyBody = Type.Object({
  status: Type.Union([Type.Literal("ready"), Type.Literal("draining"), Type.Literal("unready")]),
  checks: Type.Record(Type.String(), Type.Boolean()),
  load: LoadReport,
});
export type ReadyBody = Static<typeof ReadyBody>;

/** What a client may know of the server before and after signing in. */
export const ServerInfoBody = Type.Object({
  version: Type.String(),
  signup: Type.Union([Type.Literal("open"), Type.Literal("closed")]),
  hasAccounts: Type.Boolean({
    description: "False until the first account, the administrator's, is made.",
  }),
  models: Type.Array(Type.String()),
  demonstration: Type.Boolean({ description: "No model server is connected." }),
});
export type ServerInfoBody = Static<typeof ServerInfoBody>;
