import type { Metrics } from "@peregrine/metrics";
import type { ModelWatcher } from "../models/model.ts";
import { ModelError } from "../models/model-error.ts";
import type { ModelServers } from "../models/model-servers.ts";
import { streamedBy } from "../models/streamed-by.ts";

/** The same models, with how soon and how fast they answer told to the metrics. */
export function measureModel(models: ModelServers, metrics: Metrics["models"]): ModelServers {
  return streamedBy((request, signal) => {
    const watchers = [...(request.watchers ?? []), watcherOf(metrics.begin(request.model))];
    return models.stream({ ...request, watchers }, signal);
  }, models);
}

function watcherOf(answer: ReturnType<Metrics["models"]["begin"]>): ModelWatcher {
  const askedMs = performance.now();
  let firstMs = 0;
  let tokens = 0;
  return {
    onEvent({ type }) {
      if (type !== "delta") return;
      if (tokens++ === 0) {
        firstMs = performance.now();
        answer.firstToken((firstMs - askedMs) / 1000);
      }
      answer.token();
    },
    onOver(error) {
      if (error instanceof ModelError) answer.failed(error.code);
      answer.end(tokens, (performance.now() - firstMs) / 1000);
    },
  };
}
