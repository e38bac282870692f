import { limits } from "@peregrine/protocol";
import { Elysia, NotFoundError } from "elysia";
import { apiKeyRoutes } from "../auth/api-key-routes.ts";
import { authRoutes } from "../auth/auth-routes.ts";
import type { Context } from "../context.ts";
import { conversationRoutes } from "../conversations/conversation-routes.ts";
import { answerRoutes } from "../generation/answer-routes.ts";
import { healthRoutes } from "../health/health-routes.ts";
import type { ProcessUsage } from "../health/process-usage.ts";
import { socketOptions, socketRoutes } from "../live/socket-routes.ts";
import { apiDocs } from "./api-docs.ts";
import { readJsonBody } from "./json-body.ts";
import { toApiError } from "./to-api-error.ts";
import type { WebFiles } from "./web-files.ts";

/** A question of the greatest length, every character escaped, fits well within. */
const maxBodyBytes = 8 * limits.messageLength;
/** Seconds a connection may be silent. Event streams send a comment more often than that. */
const idleTimeoutSeconds = 60;

const securityHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

/** Every route of the server, with the errors and headers that they share. */
export function createApp(context: Context, usage: ProcessUsage, webFiles: WebFiles) {
  const { log } = context;
  const app = new Elysia({
    // Values are checked, never reshaped: an unknown field is an error and not dropped in silence.
    normalize: false,
    serve: { idleTimeout: idleTimeoutSeconds, maxRequestBodySize: 64 * 1024 * 1024 },
    websocket: socketOptions,
  });
  app
    .headers(securityHeaders)
    .onParse(({ request }) => readJsonBody(request, maxBodyBytes))
    .onError(({ error, request, path }) => {
      const apiError = toApiError(error);
      // Whoever answers with another 5xx has logged what led to it.
      if (apiError.code === "internal") {
        log.error({ err: error, method: request.method, path }, "a request failed");
      } else if (apiError.code === "database_unavailable") {
        log.warn({ err: error, method: request.method, path }, "the database did not answer");
      }
      const response = apiError.toResponse();
      for (const [name, value] of Object.entries(securityHeaders))
        response.headers.set(name, value);
      return response;
    })
    .use(healthRoutes(context, usage))
    .use(authRoutes(context))
    .use(apiKeyRoutes(context))
    .use(conversationRoutes(context))
    .use(answerRoutes(context))
    .use(socketRoutes(context));
  return app.use(apiDocs(app)).get("/*", ({ path }) => {
    const response = webFiles(path);
    if (!response) throw new NotFoundError();
    return response;
  });
}
