import { type Static, Type } from "@sinclair/typebox";

export const HealthBody = Type.Object({
  status: Type.Literal("ok"),
  cpu_usage: Type.Number({ description: "Fraction of all cores in use by this process, 0 to 1." }),
  memory_usage: Type.Number({ description: "Fraction of the memory limit in use, 0 to 1." }),
  version: Type.String(),
  uptime: Type.Number({ description: "Seconds since start." }),
});
export type HealthBody = Static<typeof HealthBody>;

export const ReadyBody = Type.Object({
  status: Type.Union([Type.Literal("ready"), Type.Literal("draining"), Type.Literal("unready")]),
  checks: Type.Record(Type.String(), Type.Boolean()),
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
