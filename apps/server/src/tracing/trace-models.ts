import { formatTraceparent, type Span, type Tracer } from "@peregrine/tracing";
import type { ModelEvent, ModelRequest, ModelWatcher } from "../models/model.ts";
import { ModelError } from "../models/model-error.ts";
import type { ModelServers } from "../models/model-servers.ts";
import { streamedBy } from "../models/streamed-by.ts";

/** The same models, with a span from a question to the end of its answer, of which servers are told. */
export function traceModels(models: ModelServers, tracer: Tracer): ModelServers {
  function stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
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
    if (!context) return models.stream(request, signal);
    const asked = { ...request, traceparent: formatTraceparent(context) };
    if (span) asked.watchers = [...(request.watchers ?? []), watcherOf(span)];
    return models.stream(asked, signal);
  }

  return streamedBy(stream, models);
}

function watcherOf(span: Span): ModelWatcher {
  const askedMs = performance.now();
  let hasBegun = false;
  let hasEnded = false;
  return {
    onEvent(event) {
      if (event.type === "delta" && !hasBegun) {
        hasBegun = true;
        span.set("peregrine.first_token_ms", performance.now() - askedMs);
      } else if (event.type === "usage") {
        span.set("gen_ai.usage.input_tokens", event.promptTokens);
        span.set("gen_ai.usage.output_tokens", event.completionTokens);
      } else if (event.type === "end") hasEnded = true;
    },
    onOver(error) {
      if (error instanceof ModelError) span.end(error.code);
      else if (error !== undefined) span.end("stopped");
      else span.end(hasEnded ? undefined : "left");
    },
  };
}
