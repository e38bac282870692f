import {
  fittingStep,
  History,
  HistoryRangeError,
  storedStepFor,
  TimeSlices,
} from "@peregrine/metrics";
import {
  AuditBody,
  HistoryBody,
  HistoryQuery,
  PerformanceBody,
  type Recommendation,
  RecommendationListBody,
  ServerListBody,
} from "@peregrine/protocol";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { signedInAdmin } from "../auth/signed-in-admin.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { createAudited } from "./audited.ts";
import { lastMinute } from "./last-minute.ts";
import { eachSlot } from "./load-slots.ts";
import type { PerformanceParts } from "./performance-parts.ts";
import { systemResources } from "./system-resources.ts";

const minuteMs = 60_000;
/** About as many points as a chart is wide. */
const pointsWithoutStep = 300;
const roundSteps = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 86_400];
const auditEntries = 200;

/** The part of Bun's server that sets how long a connection may be silent. */
type Timeouts = { timeout(request: Request, seconds: number): void };

/** How the servers stand and stood, for administrators. */
export function performanceRoutes(context: Context, parts: PerformanceParts) {
  const { database, cache } = context;
  const { resources, figures } = parts;
  const audited = createAudited(context);

  function requireFigures() {
    if (!figures) throw notFound("figure: METRICS_ENABLED is false");
    return figures;
  }

  function recommendations(): Recommendation[] {
    return resources.advisor.advice.map(({ sinceMs, ...advice }) => ({
      ...advice,
      since: new Date(sinceMs).toISOString(),
    }));
  }

  return new Elysia({ prefix: "/api/v1/performance" })
    .derive(signedInAdmin(context))
    .get(
      "/metrics",
      async (): Promise<PerformanceBody> => {
        const { serverName, freshness } = requireFigures();
        const [minute, firing] = await Promise.all([
          lastMinute(database, null),
          database.alerts.countFiring(),
        ]);
        const { active, waiting, size } = database.pool;
        return {
          server: serverName,
          at: new Date().toISOString(),
          figures: minute,
          system_resources: systemResources(resources),
          cache_stats: cache.stats(),
          database_stats: {
            connections_active: active,
            connections_waiting: waiting,
            connections_limit: size,
          },
          freshness: freshness.body(),
          alerts_firing: firing,
          recommendations: recommendations(),
        };
      },
      documented("Performance", {
        summary: "How everything stands now",
        returns: { 200: PerformanceBody },
        errors: ["forbidden"],
      }),
    )
    .get(
      "/metrics/history",
      async ({ query }): Promise<HistoryBody> => {
        requireFigures();
        const nowMs = Date.now();
        const fromMs = Date.parse(query.from);
        const toMs = query.to === undefined ? nowMs : Date.parse(query.to);
        const stepSeconds =
          query.step === undefined
            ? orInvalid(() => fittingStep({ fromMs, toMs }, nowMs, roundSteps, pointsWithoutStep))
            : Number(query.step);
        const range = { fromMs, toMs: Math.min(toMs, nowMs + minuteMs), stepSeconds };
        const stored = orInvalid(() => storedStepFor(range, nowMs));
        const alignedMs = Math.floor(fromMs / (stepSeconds * 1000)) * stepSeconds * 1000;
        const history = new History(range, nowMs);
        const server = query.server ?? null;
        await eachSlot(database, stored, alignedMs, range.toMs, server, (slot) =>
          history.add(slot),
        );
        const slices = new TimeSlices();
        const points: HistoryBody["points"] = [];
        for (const { atMs, ...point } of history.points()) {
          points.push({ at: new Date(atMs).toISOString(), ...point });
          const pause = slices.pause();
          if (pause) await pause;
        }
        return { step: stepSeconds, points, whole: history.whole };
      },
      {
        query: HistoryQuery,
        ...documented("Performance", {
          summary: "How it stood before",
          description:
            "Points of `step` seconds, 2,000 at most, for up to 30 days: in steps of 1 s for the last 5 minutes, of multiples of 15 s for 6 hours and of 5 minutes beyond. A point without figures is one that no server told of.",
          returns: { 200: HistoryBody },
          errors: ["forbidden", "invalid_request"],
        }),
      },
    )
    .get(
      "/metrics/live",
      ({ request, server }) => {
        (server as Timeouts | null)?.timeout(request, 0);
        const response = requireFigures().live.follow();
        if (!response) throw new ApiError("overloaded", "Too many watch already.");
        return response;
      },
      documented("Performance", {
        summary: "This server's figures, each second",
        returns: { 200: null },
        errors: ["forbidden", "overloaded"],
        streams: true,
      }),
    )
    .get(
      "/servers",
      async (): Promise<ServerListBody> => {
        const known = await database.metrics.servers();
        const servers = known.map(async ({ name, lastSeenMs }) => ({
          name,
          lastSeenAt: new Date(lastSeenMs).toISOString(),
          figures: await lastMinute(database, name),
        }));
        return { servers: await Promise.all(servers) };
      },
      documented("Performance", {
        summary: "Each server, and how it stands",
        returns: { 200: ServerListBody },
        errors: ["forbidden"],
      }),
    )
    .get(
      "/recommendations",
      () => ({ recommendations: recommendations() }),
      documented("Performance", {
        summary: "What to do about what has been so for a while",
        returns: { 200: RecommendationListBody },
        errors: ["forbidden"],
      }),
    )
    .post(
      "/recommendations/:id/apply",
      ({ user, params }) =>
        audited(user, "recommendation.apply", params.id, () => {
          const advice = resources.advisor.advice.find(({ id }) => id === params.id);
          if (!advice) throw notFound("recommendation");
          if (advice.remedy?.kind !== "action") {
            throw new ApiError("invalid_request", "This one is done by hand: see its command.");
          }
          resources.releaseMemory();
          return { applied: advice.remedy.action };
        }),
      {
        params: Type.Object({ id: Type.String({ maxLength: 60 }) }),
        ...documented("Performance", {
          summary: "Have a recommendation carried out",
          returns: { 200: Type.Object({ applied: Type.String() }) },
          errors: ["forbidden", "not_found", "invalid_request"],
        }),
      },
    )
    .get(
      "/audit",
      async (): Promise<AuditBody> => ({ entries: await database.audit.list(auditEntries) }),
      documented("Performance", {
        summary: "What administrators did",
        returns: { 200: AuditBody },
        errors: ["forbidden"],
      }),
    );
}

/** A range that cannot be answered is the client's to put right. */
function orInvalid<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HistoryRangeError)) throw error;
    throw new ApiError("invalid_request", error.message, { field: error.field });
  }
}
