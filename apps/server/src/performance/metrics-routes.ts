import { timingSafeEqual } from "node:crypto";
import { Elysia } from "elysia";
import { requireAdmin } from "../auth/require-admin.ts";
import { hashSecret } from "../auth/secrets.ts";
import type { Context } from "../context.ts";
import { notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { metricsResponse } from "./metrics-listener.ts";
import type { PerformanceParts } from "./performance-parts.ts";

/** `/metrics` on the main port, for administrators and for whoever has the scrape token. */
export function metricsRoutes(context: Context, { figures }: PerformanceParts) {
  const { METRICS_TOKEN } = context.config;
  const tokenHash = METRICS_TOKEN === undefined ? undefined : hashSecret(METRICS_TOKEN);

  function hasToken(request: Request): boolean {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (!tokenHash || !token) return false;
    return timingSafeEqual(hashSecret(token), tokenHash);
  }

  return new Elysia().get(
    "/metrics",
    async ({ request }) => {
      if (!hasToken(request)) requireAdmin((await context.authenticate(request)).user);
      if (!figures) throw notFound("page: METRICS_ENABLED is false");
      return metricsResponse(figures.metrics);
    },
    documented("Performance", {
      summary: "Metrics, as Prometheus reads them",
      description: "For administrators, and with `METRICS_TOKEN` as a bearer token.",
      returns: { 200: null },
      errors: ["forbidden"],
    }),
  );
}
