import type { Optimiser } from "@peregrine/database";
import type { Log } from "@peregrine/process";
import { Cron } from "croner";

/** Every twenty minutes of the hours in which people sleep, by the server's clock. */
export const quietHours = "7,27,47 1-4 * * *";
/** Nights are 24 hours apart; the job may come at any time of them. */
const everyMs = 20 * 3600_000;
/** With more statements at work than this it is not quiet, and is looked at again later. */
const quietSessions = 3;

type Options = {
  optimiser: Pick<Optimiser, "busySessions" | "startRoutine">;
  log: Log;
  /** When to look. */
  pattern?: string;
};

/** Has the database looked after once a night, by one of the servers, when little else goes on. */
export function scheduleOptimiser({ optimiser, log, pattern = quietHours }: Options) {
  const look = async () => {
    const busy = await optimiser.busySessions();
    if (busy > quietSessions) {
      log.info({ busy }, "the optimiser waits for a quieter time");
      return;
    }
    const run = await optimiser.startRoutine(everyMs);
    if (run !== null && run !== "already_running") log.info({ run: run.id }, "optimising");
  };
  const cron = new Cron(
    pattern,
    { protect: true, catch: (err) => log.warn({ err }, "the optimiser could not begin") },
    look,
  );
  return { look, stop: () => cron.stop() };
}
