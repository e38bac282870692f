import { join } from "node:path";
import { pinned } from "../support/cores.ts";
import type { Started } from "../support/processes.ts";
import { type Kind, type Load, newOutcome, type Outcome, type Report } from "./load.ts";

export type Generators = {
  url: string;
  cores: string | undefined;
  count: number;
  /** Whose CPU is measured meanwhile. */
  server: Started;
};

/** What came of a load, all its processes together. */
export type Result = {
  seconds: number;
  outcomes: Map<string, Outcome>;
  /** Of a core, that each process of load used at most. */
  busiest: number;
  lateMs: number;
  /** Of a core, that the server used, and that it used together with its database. */
  serverCores: number;
  allCores: number;
};

/** Runs a load in several processes. @param load all of it: each gets its part */
export async function runLoad(
  { url, cores, count, server }: Generators,
  load: { kinds: Kind[]; connections: number; perSecond: number; seconds: number },
): Promise<Result> {
  const before = await cpuSeconds(server);
  const reports = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      generate(cores, {
        url,
        // Each its own: no two of them ask in one conversation at a time.
        kinds: load.kinds.map((kind) => ({
          ...kind,
          requests:
            kind.requests.length < count
              ? kind.requests
              : kind.requests.filter((_, number) => number % count === i),
        })),
        connections: Math.ceil(load.connections / count),
        perSecond: load.perSecond / count,
        seconds: load.seconds,
      }),
    ),
  );
  const [own, all] = await cpuSeconds(server);
  const outcomes = new Map<string, Outcome>();
  for (const { name } of load.kinds) {
    const sum = newOutcome(load.seconds);
    for (const { outcomes } of reports) add(sum, outcomes[name] ?? newOutcome(0));
    outcomes.set(name, sum);
  }
  return {
    seconds: load.seconds,
    outcomes,
    busiest: Math.max(...reports.map(({ cpuSeconds }) => cpuSeconds / load.seconds)),
    lateMs: Math.max(...reports.map(({ lateMs }) => lateMs)),
    serverCores: (own - before[0]) / load.seconds,
    allCores: (all - before[1]) / load.seconds,
  };
}

async function cpuSeconds(server: Started): Promise<[own: number, all: number]> {
  return [await server.cpuSeconds(), await server.treeCpuSeconds()];
}

async function generate(cores: string | undefined, load: Load): Promise<Report> {
  const script = join(import.meta.dirname, "generate.ts");
  const child = Bun.spawn(pinned(cores, [process.execPath, script]), {
    stdin: new Blob([JSON.stringify(load)]),
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await new Response(child.stdout).text()) as Report;
}

function add(sum: Outcome, outcome: Outcome): void {
  sum.offered += outcome.offered;
  sum.unsent += outcome.unsent;
  sum.refused += outcome.refused;
  for (const [how, times] of Object.entries(outcome.failed)) {
    sum.failed[how] = (sum.failed[how] ?? 0) + times;
  }
  outcome.tookMs.forEach((tookMs, second) => {
    for (const ms of tookMs) sum.tookMs[second]?.push(ms);
  });
  outcome.refusedIn.forEach((times, second) => {
    if (second < sum.refusedIn.length) sum.refusedIn[second] = (sum.refusedIn[second] ?? 0) + times;
  });
}

/** Those of a kind that were answered well, each second. */
export function wellIn({ outcomes, seconds }: Result, name: string): number {
  return (outcomes.get(name)?.tookMs.flat().length ?? 0) / seconds;
}
