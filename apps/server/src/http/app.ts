import { limits } from "@peregrine/protocol";
import { Elysia, NotFoundError } from "elysia";
import { apiKeyRoutes } from "../auth/api-key-routes.ts";
import { authRoutes } from "../auth/auth-routes.ts";
import type { Context } from "../context.ts";
import { conversationRoutes } from "../conversations/conversation-routes.ts";
import { fileAdminRoutes } from "../files/file-admin-routes.ts";
import { fileRoutes } from "../files/file-routes.ts";
import { uploadPartRoutes, uploadRoutes } from "../files/upload-routes.ts";
import { answerRoutes } from "../generation/answer-routes.ts";
import { healthRoutes } from "../health/health-routes.ts";
import { socketRoutes } from "../live/socket-routes.ts";
import { alertRoutes } from "../performance/alert-routes.ts";
import { balancerRoutes } from "../performance/balancer-routes.ts";
import { cacheRoutes } from "../performance/cache-routes.ts";
import { databaseRoutes } from "../performance/database-routes.ts";
import { metricsRoutes } from "../performance/metrics-routes.ts";
import { modelRoutes } from "../performance/model-routes.ts";
import type { PerformanceParts } from "../performance/performance-parts.ts";
import { performanceRoutes } from "../performance/performance-routes.ts";
import { searchRoutes } from "../search/search-routes.ts";
import { apiDocs } from "./api-docs.ts";
import { deliver } from "./deliver.ts";
import { answerHead } from "./head-request.ts";
import { readJsonBody } from "./json-body.ts";
import { toApiError } from "./to-api-error.ts";
import type { WebFiles } from "./web-files.ts";

/** A question of the greatest length, every character escaped, fits well within. */
export const maxBodyBytes = 8 * limits.messageLength;

/** Every route of the server, with the errors and headers that they share. */
export function createApp(context: Context, performance: PerformanceParts, webFiles: WebFiles) {
  const { log, timings } = context;
  const app = new Elysia({
    // Values are checked, never reshaped: an unknown field is an error and not dropped in silence.
    normalize: false,
    // Else the path is looked for behind a name of four letters at least: "http://nas/" has none.
    handler: { standardHostname: false },
  });
  app
    .wrap(
      (handle) =>
        (request: Request, ...rest: unknown[]) =>
          timings.run(request, () => answerHead(handle, request, ...rest)),
    )
    .mapResponse(deliver(timings))
    .onError(({ error, request, path }) => {
      const apiError = toApiError(error);
      // Whoever answers with another 5xx has logged what led to it.
      if (apiError.code === "internal") {
        log.error({ err: error, method: request.method, path }, "a request failed");
      } else if (apiError.code === "database_unavailable") {
        log.warn({ err: error, method: request.method, path }, "the database did not answer");
      }
      return apiError.toResponse();
    })
    // Before the parser of bodies, which would read an upload to its end.
    .use(fileRoutes(context))
    .use(uploadPartRoutes(context))
    .onParse(({ request }) => readJsonBody(request, maxBodyBytes))
    .use(healthRoutes(context, performance))
    .use(authRoutes(context))
    .use(apiKeyRoutes(context))
    .use(conversationRoutes(context))
    .use(answerRoutes(context))
    .use(uploadRoutes(context))
    .use(fileAdminRoutes(context))
    .use(cacheRoutes(context))
    .use(databaseRoutes(context))
    .use(modelRoutes(context))
    .use(balancerRoutes(context))
    .use(searchRoutes(context))
    .use(socketRoutes(context))
    .use(metricsRoutes(context, performance))
    .use(performanceRoutes(context, performance))
    .use(alertRoutes(context, performance));
  return app.use(apiDocs(app)).get("/*", ({ request, path }) => {
    const response = webFiles(request, path);
    if (!response) throw new NotFoundError();
    return response;
  });
}
