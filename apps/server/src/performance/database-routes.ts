import type { OptimiserRun } from "@peregrine/protocol";
import {
  AdviceParams,
  DatabasePerformanceBody,
  DryRunQuery,
  OptimiserPlanBody,
  OptimiserRunBody,
  OptimiserStateBody,
} from "@peregrine/protocol";
import { Elysia } from "elysia";
import { signedInAdmin } from "../auth/signed-in-admin.ts";
import type { Context } from "../context.ts";
import { ApiError, notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { createAudited } from "./audited.ts";

/** How the database does, and the job that looks after it. For administrators. */
export function databaseRoutes(context: Context) {
  const { database, optimiser, queryTimes } = context;
  const audited = createAudited(context);

  function begun(run: OptimiserRun | "already_running"): OptimiserRun {
    if (run === "already_running") {
      throw new ApiError("optimiser_running", "A job is running. Wait for its end or cancel it.");
    }
    return run;
  }

  async function apply(name: string): Promise<OptimiserRun> {
    const answer = await optimiser.apply(name);
    if (answer === "unknown") throw notFound("advice");
    if (answer === "applied") {
      throw new ApiError("advice_applied", "This advice was applied and holds no more.");
    }
    if (answer === "not_applicable") {
      throw new ApiError("invalid_request", "This advice has to be followed by a person.", {
        field: "name",
      });
    }
    return begun(answer);
  }

  return new Elysia({ prefix: "/api/v1/performance/database" })
    .derive(signedInAdmin(context))
    .onBeforeHandle(({ set }) => {
      set.headers["cache-control"] = "no-store";
    })
    .get(
      "/",
      async (): Promise<DatabasePerformanceBody> => ({
        ...(await optimiser.overview()),
        pool: database.pool,
        queries: queryTimes.read(),
      }),
      documented("Performance", {
        summary: "How the database does",
        description:
          "Of Postgres as a whole, but for `pool` and `queries`: these are this server's.",
        returns: { 200: DatabasePerformanceBody },
        errors: ["forbidden", "database_unavailable"],
      }),
    )
    .get(
      "/optimize",
      async ({ query }) =>
        query.dry_run === "true" ? { plan: await optimiser.plan() } : optimiser.state(),
      {
        query: DryRunQuery,
        ...documented("Performance", {
          summary: "The optimiser's job and its history",
          description: "With `dry_run=true` what a job would do now, as POST gives it.",
          returns: { 200: OptimiserStateBody },
          errors: ["forbidden", "database_unavailable"],
        }),
      },
    )
    .post(
      "/optimize",
      async ({ user, query, set }) => {
        if (query.dry_run === "true") return { plan: await optimiser.plan() };
        const run = await audited(user, "database.optimize", "", async () =>
          begun(await optimiser.start("administrator")),
        );
        set.status = 202;
        return { run };
      },
      {
        query: DryRunQuery,
        ...documented("Performance", {
          summary: "Optimise the database",
          description:
            "Begins a job, one at a time on all servers. With `dry_run=true` nothing is changed, and the answer is what it would do and advise.",
          returns: { 200: OptimiserPlanBody, 202: OptimiserRunBody },
          errors: ["forbidden", "optimiser_running", "database_unavailable"],
        }),
      },
    )
    .delete(
      "/optimize",
      async ({ user }) => {
        await audited(user, "database.optimize.cancel", "", async () => {
          if (!(await optimiser.cancel())) throw notFound("running job");
        });
        return new Response(null, { status: 202 });
      },
      documented("Performance", {
        summary: "Cancel the optimiser's job",
        description: "It clears away what it has begun before it ends; its state tells when.",
        returns: { 202: null },
        errors: ["forbidden", "not_found", "database_unavailable"],
      }),
    )
    .post(
      "/advice/:name",
      async ({ user, params, set }) => {
        const run = await audited(user, "database.advice.apply", params.name, () =>
          apply(params.name),
        );
        set.status = 202;
        return { run };
      },
      {
        params: AdviceParams,
        ...documented("Performance", {
          summary: "Follow one piece of advice",
          description: "As a job of its own. The advice has to hold still: it is looked at again.",
          returns: { 202: OptimiserRunBody },
          errors: [
            "forbidden",
            "not_found",
            "advice_applied",
            "optimiser_running",
            "invalid_request",
            "database_unavailable",
          ],
        }),
      },
    );
}
