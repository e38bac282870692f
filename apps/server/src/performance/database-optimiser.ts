import { type Optimiser, openOptimiser } from "@peregrine/database";
import type { Log } from "@peregrine/process";

/** The optimiser, whose jobs end in the log. */
export function openDatabaseOptimiser(url: string, log: Log): Optimiser {
  return openOptimiser({
    url,
    on: {
      ended({ status, error }, defect) {
        if (defect !== undefined) log.error({ err: defect }, "the optimiser failed");
        else log.info({ status, ...(error && { error }) }, "the optimiser ended");
      },
    },
  });
}
