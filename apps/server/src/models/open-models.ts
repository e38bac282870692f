import type { Metrics } from "@peregrine/metrics";
import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";
import { demonstrationModel } from "./demonstration-model.ts";
import { type ModelServers, openModelServers } from "./model-servers.ts";

/** What answers by these settings: the model servers, or the demonstration where there are none. */
export function openModels(config: Config, log: Log, metrics: Metrics | undefined): ModelServers {
  if (config.MODEL_SERVERS.length === 0) {
    log.warn({}, "no MODEL_SERVERS: the built-in demonstration model answers");
    return demonstrationModel();
  }
  const poolMetrics = metrics?.balancer.pool("models");
  const serverMetrics = metrics?.modelServers;
  return openModelServers({
    servers: config.MODEL_SERVERS,
    apiKey: config.MODEL_API_KEY,
    model: config.MODEL,
    limits: {
      firstTokenMs: config.MODEL_FIRST_TOKEN_TIMEOUT * 1000,
      nextTokenMs: config.MODEL_TOKEN_TIMEOUT * 1000,
    },
    balancing: {
      maxInFlight: config.MODEL_MAX_IN_FLIGHT || undefined,
      maxWaitMs: config.MODEL_QUEUE_TIMEOUT * 1000,
      continueWith: config.MODEL_CONTINUE,
      onTokens: serverMetrics?.onTokens,
      events: {
        ...poolMetrics,
        onPick(server, waitedMs) {
          poolMetrics?.onPick(server, waitedMs);
          serverMetrics?.onPick(server);
        },
        onFirstByte(server, latencyMs) {
          poolMetrics?.onFirstByte(server, latencyMs);
          serverMetrics?.onFirstByte(server, latencyMs);
        },
        onEnd(server, end) {
          poolMetrics?.onEnd(server, end);
          serverMetrics?.onEnd(server, end);
        },
        onEjection(ejection) {
          poolMetrics?.onEjection(ejection);
          const { server, reason, forMs } = ejection;
          log.warn({ server: server.id, reason, forMs }, "a model server is put aside");
        },
      },
    },
    onFailure: ({ server, error, failedOver, continued }) => {
      if (failedOver) poolMetrics?.onRetry(error.code);
      log.warn(
        { server, code: error.code, err: error, failedOver, continued },
        "a model server failed",
      );
    },
  });
}
