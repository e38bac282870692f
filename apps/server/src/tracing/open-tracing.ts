import type { QueryInfo } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import { parseTraceparent, Span, startTracer } from "@peregrine/tracing";
import type { AppCache } from "../cache/open-cache.ts";
import type { Config } from "../config.ts";
import type { ModelServers } from "../models/model-servers.ts";
import type { Endpoints } from "../performance/endpoints.ts";
import { version } from "../version.ts";
import { traceCache } from "./trace-cache.ts";
import { traceModels } from "./trace-models.ts";

type Fetch = (request: Request) => Response | Promise<Response | undefined>;

/**
 * Where the time of a request goes, as spans for a collector: the request, reads of the cache beneath
 * it, statements beneath those, and the model. Undefined without a collector: then nothing of this is
 * installed, and it costs nothing.
 */
export function openTracing(config: Config, log: Log) {
  const started = startTracer(config, { version, instance: config.SERVER_NAME, log });
  if (!started) return undefined;
  const { tracer, exporter } = started;

  return {
    /** @returns `fetch` with a span around each request, up to the beginning of its response */
    before(fetch: Fetch, endpoints: Endpoints): Fetch {
      return (request) => {
        const parent = parseTraceparent(request.headers.get("traceparent"));
        const context = tracer.begin(parent, () => {
          // The route's template: a path may name what a person has, and its query a key.
          const { method, template } = endpoints.find(request.method, request.url);
          return {
            name: `${method} ${template}`,
            kind: "server",
            attributes: { "http.request.method": method, "http.route": template },
          };
        });
        if (!context) return fetch(request);
        return tracer.under(context, () =>
          context instanceof Span ? answered(context, fetch, request) : fetch(request),
        );
      };
    },

    /** Called after each statement. Its text and parameters stay out. */
    onQuery({ name, durationMs, waitMs, target, error }: QueryInfo): void {
      if (!tracer.current?.isSampled) return;
      const attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": name,
        "db.collection.name": name.split(".", 1).join(),
        "peregrine.db.target": target,
        "peregrine.db.wait_ms": waitMs,
      };
      tracer.ended(name, waitMs + durationMs, { kind: "client", attributes }, error?.code);
    },

    traceCache: (cache: AppCache) => traceCache(cache, tracer),
    traceModels: (models: ModelServers) => traceModels(models, tracer),

    /** What became of its spans. */
    figures: exporter.figures,

    /** Sends what is left. */
    close: () => exporter.close(),
  };
}

async function answered(span: Span, fetch: Fetch, request: Request): Promise<Response | undefined> {
  try {
    const response = await fetch(request);
    const status = response?.status ?? 101;
    span.set("http.response.status_code", status);
    span.end(status >= 500 ? String(status) : undefined);
    return response;
  } catch (error) {
    span.end("internal");
    throw error;
  }
}
