import type { OptimiserAction, OptimiserProgress } from "@peregrine/protocol";
import type { AdminConnection } from "./admin-connection.ts";
import { type Machine, readMachine } from "./machine.ts";
import type { WatchOptions } from "./watched.ts";

export type Limits = {
  /** How long a statement may spend behind other sessions before it is ended. */
  blockedMs: number;
  /** The same for clearing away what an ended build left. */
  cleanUpBlockedMs: number;
  /** How often an index is tried that was held up, or lost its connection. */
  attempts: number;
  retryMs: number;
  /** How often a running statement is looked at. */
  pollMs: number;
  /** How long a query may run to be measured before and after its index is built. */
  probeMs: number;
  /** For how long Postgres must have counted before an index without a use counts as unused. */
  unusedAfterMs: number;
  /** Indexes, and room lost in tables, that are smaller are not worth advice. */
  leastBytes: number;
  /** How long a transaction may be open before it is told of. */
  longTransactionMs: number;
};

export const defaultLimits: Limits = {
  blockedMs: 300_000,
  cleanUpBlockedMs: 30_000,
  attempts: 3,
  retryMs: 2_000,
  pollMs: 250,
  probeMs: 3_000,
  unusedAfterMs: 7 * 86_400_000,
  leastBytes: 1024 * 1024,
  longTransactionMs: 5 * 60_000,
};

/** What the steps of a job share. A dry run only looks, and says what it would do. */
export type JobContext = {
  /** Runs what takes long. Another one after it was lost. */
  readonly work: AdminConnection;
  /** Looks, and ends what the other one runs. */
  readonly watch: AdminConnection;
  /** Opens `work` again if it broke. @throws DatabaseError */
  repair(): Promise<void>;
  role: string;
  machine: Machine;
  limits: Limits;
  isDryRun: boolean;
  signal: AbortSignal;
  report(progress: Partial<OptimiserProgress>): void;
};

type Connections = {
  readonly work: AdminConnection;
  readonly watch: AdminConnection;
  repair(signal: AbortSignal): Promise<void>;
};

export async function createContext(
  options: Pick<JobContext, "limits" | "isDryRun" | "signal" | "report"> & {
    connections: Connections;
  },
): Promise<JobContext> {
  const { connections, ...rest } = options;
  const [row] = await connections.watch.query<{ role: string }>(
    "select current_user::text as role",
  );
  return {
    ...rest,
    get work() {
      return connections.work;
    },
    get watch() {
      return connections.watch;
    },
    repair: () => connections.repair(rest.signal),
    role: row?.role ?? "",
    machine: await readMachine(connections.watch.query),
  };
}

/** How `runWatched` looks after a statement of this job. */
export function watching(context: JobContext, what: string): WatchOptions {
  return {
    work: context.work,
    watch: context.watch,
    signal: context.signal,
    blockedMs: context.limits.blockedMs,
    pollMs: context.limits.pollMs,
    onSight: ({ blockedBy, build }) =>
      context.report({
        detail: build ? `${what}: ${build.phase}` : what,
        fraction: build?.fraction ?? null,
        blockedBy,
      }),
  };
}

export function action(
  step: OptimiserAction["step"],
  name: string,
  outcome: OptimiserAction["outcome"],
  detail: string,
  rest: Partial<OptimiserAction> = {},
): OptimiserAction {
  const none = { sql: null, undo: null, durationMs: null, sizeBytes: null, query: null };
  return { step, name, outcome, detail, ...none, ...rest };
}

/** Until a time has passed or the job is cancelled. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", wake);
}
