import type { QueryInfo } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import { parseTraceparent, Span, type SpanShape, startTracer } from "@peregrine/tracing";
import type { AppCache } from "../cache/open-cache.ts";
import type { Config } from "../config.ts";
import type { ModelServers } from "../models/model-servers.ts";
import type { Endpoint, Endpoints } from "../performance/endpoints.ts";
import { version } from "../version.ts";
import { remembered } from "./remembered.ts";
import { traceCache } from "./trace-cache.ts";
import { traceModels } from "./trace-models.ts";

type Answer = Response | undefined;
type Fetch = (request: Request) => Response | Promise<Answer>;

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
        const context = tracer.begin(parent, () =>
          requestShape(endpoints.find(request.method, request.url)),
        );
        if (!context) return fetch(request);
        return tracer.under(context, () =>
          context instanceof Span ? answered(context, fetch, request) : fetch(request),
        );
      };
    },

    /** Called after each statement. Its text and parameters stay out. */
    onQuery({ name, durationMs, waitMs, target, error }: QueryInfo): void {
      if (!tracer.current?.isSampled) return;
      const own = { "peregrine.db.target": target, "peregrine.db.wait_ms": waitMs };
      tracer.ended(statementShape(name), waitMs + durationMs, own, error?.code);
    },

    traceCache: (cache: AppCache) => traceCache(cache, tracer),
    traceModels: (models: ModelServers) => traceModels(models, tracer),

    /** What became of its spans. */
    figures: exporter.figures,

    /** Sends what is left. */
    close: () => exporter.close(),
  };
}

/** The route's template: a path may name what a person has, and its query a key. */
const requestShape = remembered(
  ({ method, template }: Endpoint): SpanShape => ({
    name: `${method} ${template}`,
    kind: "server",
    attributes: { "http.request.method": method, "http.route": template },
  }),
);

const statementShape = remembered(
  (name: string): SpanShape => ({
    name,
    kind: "client",
    attributes: {
      "db.system.name": "postgresql",
      "db.operation.name": name,
      "db.collection.name": name.split(".", 1).join(),
    },
  }),
);

/** Ends the span with the response; one that is there at once stays so, which saves a promise. */
function answered(span: Span, fetch: Fetch, request: Request): Response | Promise<Answer> {
  const end = (response: Answer) => {
    const status = response?.status ?? 101;
    span.set("http.response.status_code", status);
    span.end(status >= 500 ? String(status) : undefined);
  };
  const fail = (error: unknown): never => {
    span.end("internal");
    throw error;
  };
  try {
    const answer = fetch(request);
    if (answer instanceof Promise) {
      return answer.then((response) => {
        end(response);
        return response;
      }, fail);
    }
    end(answer);
    return answer;
  } catch (error) {
    return fail(error);
  }
}
