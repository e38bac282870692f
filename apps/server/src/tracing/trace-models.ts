import { formatTraceparent, type Tracer } from "@peregrine/tracing";
import type { ModelEvent, ModelRequest } from "../models/model.ts";
import { ModelError } from "../models/model-error.ts";
import type { ModelServers } from "../models/model-servers.ts";

/** The same models, with a span from a question to the end of its answer, of which servers are told. */
export function traceModels(models: ModelServers, tracer: Tracer): ModelServers {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    // Not remembered by the model, whose name may come from whoever asks.
    const span = tracer.child({
      name: `chat ${request.model}`,
      kind: "client",
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": request.model,
        "peregrine.priority": request.priority,
      },
    });
    const context = span ?? tracer.current;
    const asked = context ? { ...request, traceparent: formatTraceparent(context) } : request;
    const askedMs = performance.now();
    let hasBegun = false;
    let failure: string | undefined = "left";
    try {
      for await (const event of models.stream(asked, signal)) {
        if (event.type === "delta" && !hasBegun) {
          hasBegun = true;
          span?.set("peregrine.first_token_ms", performance.now() - askedMs);
        } else if (event.type === "usage") {
          span?.set("gen_ai.usage.input_tokens", event.promptTokens);
          span?.set("gen_ai.usage.output_tokens", event.completionTokens);
        } else if (event.type === "end") failure = undefined;
        yield event;
      }
    } catch (error) {
      failure = error instanceof ModelError ? error.code : "stopped";
      throw error;
    } finally {
      span?.end(failure);
    }
  }

  return {
    stream,
    list: () => models.list(),
    defaultModel: () => models.defaultModel(),
    get queued() {
      return models.queued;
    },
    pool: models.pool,
    close: () => models.close(),
  };
}
