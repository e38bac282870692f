import type { LoadReport } from "@peregrine/protocol";
import type { PerformanceParts } from "../performance/performance-parts.ts";

type Fetch = (request: Request) => Response | Promise<Response | undefined>;

/** What this server says of its own load, to the doors that choose among servers by it. */
export function loadReport({
  resources,
  runningAnswers,
}: Pick<PerformanceParts, "resources" | "runningAnswers">): LoadReport {
  const { cpu, eventLoop } = resources.monitor.latest;
  return {
    cpu: round(cpu.fraction),
    event_loop_delay_ms: round(eventLoop.meanDelayMs),
    running_answers: runningAnswers(),
  };
}

/**
 * Puts the report into the answers to requests that ask for it, in the form of ORCA (Open Request
 * Cost Aggregation): so a door knows it as it is now, and not as of the last health check.
 */
export function reportingLoad(fetch: Fetch, report: () => LoadReport): Fetch {
  return (request) => {
    const answered = fetch(request);
    if (request.headers.get("endpoint-load-metrics-format")?.toUpperCase() !== "JSON") {
      return answered;
    }
    return answered instanceof Promise ? answered.then(tell) : tell(answered);
  };

  function tell<R extends Response | undefined>(response: R): R {
    const { cpu, ...named } = report();
    const metrics = { cpu_utilization: cpu, named_metrics: named };
    response?.headers.set("endpoint-load-metrics", `JSON ${JSON.stringify(metrics)}`);
    return response;
  }
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
