import type { Metrics } from "@peregrine/metrics";
import type { ModelEvent, ModelRequest } from "../models/model.ts";
import { ModelError } from "../models/model-error.ts";
import type { ModelServers } from "../models/model-servers.ts";
import { streamedBy } from "../models/streamed-by.ts";

/** The same models, with how soon and how fast they answer told to the metrics. */
export function measureModel(models: ModelServers, metrics: Metrics["models"]): ModelServers {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const answer = metrics.begin(request.model);
    const askedMs = performance.now();
    let firstMs = 0;
    let tokens = 0;
    try {
      for await (const event of models.stream(request, signal)) {
        if (event.type === "delta") {
          if (tokens++ === 0) {
            firstMs = performance.now();
            answer.firstToken((firstMs - askedMs) / 1000);
          }
          answer.token();
        }
        yield event;
      }
    } catch (error) {
      if (error instanceof ModelError) answer.failed(error.code);
      throw error;
    } finally {
      answer.end(tokens, (performance.now() - firstMs) / 1000);
    }
  }
  return streamedBy(stream, models);
}
