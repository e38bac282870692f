import type { Database } from "@peregrine/database";
import type { FreshnessFacts } from "@peregrine/metrics";
import type { Log } from "@peregrine/process";
import type { FreshnessBody } from "@peregrine/protocol";
import type { AppCache } from "../cache/open-cache.ts";
import type { Config } from "../config.ts";
import { Certificates } from "./certificates.ts";

type Options = { config: Config; log: Log; database: Database; cache: AppCache };

/** What waits to be removed is the same on all servers, and one small statement. */
const removalsEveryMs = 15_000;

/** Watches how far the copies of the truth are behind, and how long certificates are good for. */
export function watchFreshness({ config, log, database, cache }: Options) {
  const startedMs = performance.now();
  const certificates = new Certificates({
    urls: [config.PUBLIC_URL, config.CDN_URL],
    onError: (err, name) => log.warn({ err, name }, "a certificate could not be read"),
  });
  let removals: Awaited<ReturnType<Database["fileRemovals"]["state"]>> | undefined;
  const askForRemovals = () =>
    database.fileRemovals.state().then(
      (state) => {
        removals = state;
      },
      // The database is away, which others tell.
      () => {
        removals = undefined;
      },
    );
  let asking = askForRemovals();
  const timer = setInterval(() => {
    asking = askForRemovals();
  }, removalsEveryMs);

  function invalidations() {
    const { lagMs, lagRecords, resyncs, state } = cache.stats().log;
    // Never reached: as old as this process.
    const sinceMs = Number.isFinite(lagMs) ? lagMs : performance.now() - startedMs;
    return { lagSeconds: sinceMs / 1000, lagRecords, resyncs, state };
  }

  function delaySeconds(): number {
    return removals?.oldestSince
      ? Math.max(0, Date.now() - Date.parse(removals.oldestSince)) / 1000
      : 0;
  }

  return {
    facts: (): FreshnessFacts => ({
      invalidations: invalidations(),
      replicas: database.replicas.map(({ name, lagMs }) => ({ name, lagSeconds: lagMs / 1000 })),
      purges: removals
        ? { waiting: removals.waiting, failing: removals.failing, delaySeconds: delaySeconds() }
        : null,
      certificates: certificates.all,
    }),

    /** The same for administrators. */
    body(): FreshnessBody {
      const { lagSeconds, lagRecords, state } = invalidations();
      return {
        invalidations: { state, lag_seconds: lagSeconds, lag_records: lagRecords },
        replicas: database.replicas.map(({ name, isReachable, lagMs }) => ({
          name,
          reachable: isReachable,
          lag_seconds: lagMs / 1000,
        })),
        purges: removals
          ? {
              waiting: removals.waiting,
              failing: removals.failing,
              oldest_since: removals.oldestSince,
              last_error: removals.lastError,
            }
          : null,
        certificates: certificates.all.map(({ name, notAfterMs, error }) => ({
          name,
          ends_at: notAfterMs === null ? null : new Date(notAfterMs).toISOString(),
          error,
        })),
      };
    },

    async stop(): Promise<void> {
      clearInterval(timer);
      await Promise.all([asking, certificates.stop()]);
    },
  };
}
