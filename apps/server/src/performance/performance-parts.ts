import type { RunningAlerts } from "./start-alerts.ts";
import type { RunningMetrics } from "./start-metrics.ts";
import type { Resources } from "./watch-resources.ts";

/** What the pages for administrators stand on; without METRICS_ENABLED the resources alone. */
export type PerformanceParts = {
  resources: Resources;
  figures: RunningMetrics | undefined;
  alerts: RunningAlerts | undefined;
  /** Answers that this server is writing. */
  runningAnswers(): number;
};
