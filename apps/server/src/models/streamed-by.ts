import type { Model } from "./model.ts";
import type { ModelServers } from "./model-servers.ts";

/** The same servers, whose answers come by way of `stream`. */
export function streamedBy(stream: Model["stream"], models: ModelServers): ModelServers {
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
