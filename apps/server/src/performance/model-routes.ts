import { DrainServerBody, ModelPerformanceBody } from "@peregrine/protocol";
import { Elysia } from "elysia";
import { signedInAdmin } from "../auth/signed-in-admin.ts";
import type { Context } from "../context.ts";
import { notFound } from "../http/api-error.ts";
import { documented } from "../http/docs.ts";
import { createAudited } from "./audited.ts";
import { balancedServer } from "./balanced-server.ts";
import { modelFigures } from "./model-figures.ts";

/** What answers, and the servers that it runs on. For administrators. */
export function modelRoutes(context: Context) {
  const { database, models } = context;
  const audited = createAudited(context);

  return new Elysia({ prefix: "/api/v1/performance/models" })
    .derive(signedInAdmin(context))
    .get(
      "/",
      async (): Promise<ModelPerformanceBody> => {
        const figures = await modelFigures(database);
        const { servers, waiting } = models.pool?.snapshot() ?? noServers;
        return {
          models: figures.models,
          waiting,
          servers: servers.map((server) => ({
            ...balancedServer(server),
            figures: figures.servers[server.id] ?? null,
          })),
        };
      },
      documented("Performance", {
        summary: "Models, and the servers they run on",
        description:
          "Models as all servers saw them over the last minute, and model servers over the last five; how those stand, as the balancer of this server sees them now.",
        returns: { 200: ModelPerformanceBody },
        errors: ["forbidden"],
      }),
    )
    .post(
      "/drain",
      ({ user, body }) =>
        audited(user, body.drained ? "model.drain" : "model.undrain", body.server, () => {
          const { pool } = models;
          const isKnown = pool?.snapshot().servers.some(({ id }) => id === body.server);
          if (!pool || !isKnown) throw notFound("model server");
          if (body.drained) void pool.drain(body.server);
          else pool.undrain(body.server);
          return new Response(null, { status: 204 });
        }),
      {
        body: DrainServerBody,
        ...documented("Performance", {
          summary: "Give a model server nothing new, or take it back",
          description:
            "On this server, until it restarts. Answers that are under way go on. The others take over what would have come.",
          returns: { 204: null },
          errors: ["forbidden", "not_found"],
        }),
      },
    );
}

const noServers = { servers: [], waiting: { interactive: 0, background: 0 } };
