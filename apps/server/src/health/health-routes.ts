import {
  HealthBody,
  type ReadyBody,
  ReadyBody as ReadySchema,
  ServerInfoBody,
} from "@peregrine/protocol";
import { Elysia } from "elysia";
import type { Context } from "../context.ts";
import { documented } from "../http/docs.ts";
import type { PerformanceParts } from "../performance/performance-parts.ts";
import { version } from "../version.ts";
import { loadReport, round } from "./load-report.ts";

const pingTimeoutMs = 2_000;

/** Whether the server lives, whether it can take requests, and what it is. */
export function healthRoutes(
  { config, database, models, log, isDraining }: Context,
  parts: PerformanceParts,
) {
  const { resources } = parts;
  let hasAccounts = false;

  /** The database answers in time. Its schema is in place, or the server would not listen. */
  async function isDatabaseReachable(): Promise<boolean> {
    const timeout = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => timeout.resolve(false), pingTimeoutMs);
    const ping = database.ping().then(
      () => true,
      (err: unknown) => {
        log.warn({ err }, "the database is not reachable");
        return false;
      },
    );
    const isReachable = await Promise.race([ping, timeout.promise]);
    clearTimeout(timer);
    return isReachable;
  }

  return new Elysia()
    .get(
      "/health",
      ({ set }): HealthBody => {
        set.headers["cache-control"] = "no-store";
        return {
          status: "ok",
          cpu_usage: round(resources.monitor.latest.cpu.fraction),
          memory_usage: round(resources.monitor.latest.memory.fraction),
          pressure: resources.pressure.verdict.level,
          load: loadReport(parts),
          version,
          uptime: round(process.uptime()),
        };
      },
      documented("Health", {
        summary: "Whether the process lives",
        returns: { 200: HealthBody },
        public: true,
      }),
    )
    .get(
      "/ready",
      async ({ set }): Promise<ReadyBody> => {
        const isDatabaseUp = await isDatabaseReachable();
        const status = isDraining() ? "draining" : isDatabaseUp ? "ready" : "unready";
        if (status !== "ready") set.status = 503;
        set.headers["cache-control"] = "no-store";
        return {
          status,
          checks: { database: isDatabaseUp, migrations: true },
          load: loadReport(parts),
        };
      },
      documented("Health", {
        summary: "Whether the server can take requests",
        description: "503 while the database is away and while the server is stopping.",
        returns: { 200: ReadySchema, 503: ReadySchema },
        public: true,
      }),
    )
    .get(
      "/api/v1/info",
      async ({ set }): Promise<ServerInfoBody> => {
        set.headers["cache-control"] = "no-cache";
        hasAccounts ||= await database.users.any();
        return {
          version,
          signup: config.SIGNUP,
          hasAccounts,
          models: (await models.list()).map((model) => model.id),
          demonstration: config.MODEL_SERVERS.length === 0,
        };
      },
      documented("Health", {
        summary: "What this server offers",
        returns: { 200: ServerInfoBody },
        public: true,
      }),
    );
}
