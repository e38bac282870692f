import type { BalancerError, FailureKind } from "@peregrine/balancer";
import { ModelError } from "./model-error.ts";
import { inWords } from "./retry-after.ts";

const noConnection = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"]);

/** What a failed answer says of its server's health; undefined where it says nothing. */
export function verdictOf(error: ModelError): FailureKind | undefined {
  if (!error.isServerIll) return undefined;
  switch (error.code) {
    case "model_rate_limited":
      return "rate_limited";
    case "model_timeout":
      return "timeout";
    case "model_interrupted":
      return "interrupted";
    case "model_protocol":
      return "protocol";
    case "model_rejected":
      return "status";
    case "model_unreachable": {
      const code = (error.cause as { code?: unknown } | undefined)?.code;
      if (typeof code !== "string") return "status";
      return noConnection.has(code) ? "unreachable" : "reset";
    }
  }
}

/** What a person is told where no server could be had for their question. */
export function noServerError(error: BalancerError, model: string): ModelError {
  const { retryAfterMs } = error;
  const details = { retryAfterMs, cause: error };
  switch (error.code) {
    case "model_not_offered": {
      const message = `No model server offers the model ${JSON.stringify(model)}.`;
      return new ModelError("model_rejected", message, { ...details, isServerAtFault: false });
    }
    case "servers_cooling_down": {
      const message = `All model servers ask for a pause. Try again ${inWords(retryAfterMs)}.`;
      return new ModelError("model_rate_limited", message, details);
    }
    case "queue_full":
    case "queue_timeout": {
      const message = `All model servers are busy. Try again ${inWords(retryAfterMs)}.`;
      return new ModelError("model_rate_limited", message, details);
    }
    default: {
      const message = `No model server works at the moment. Try again ${inWords(retryAfterMs)}.`;
      return new ModelError("model_unreachable", message, details);
    }
  }
}
