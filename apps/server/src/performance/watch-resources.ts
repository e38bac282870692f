import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Log } from "@peregrine/process";
import {
  Admission,
  Advisor,
  Pressure,
  type Reading,
  ResourceMonitor,
  resourceAdvice,
  type Verdict,
} from "@peregrine/resources";
import type { Config } from "../config.ts";

export type Resources = Awaited<ReturnType<typeof watchResources>>;

type Options = {
  config: Config;
  log: Log;
  /** Gives back memory that can be had again: caches, and what the collector finds. */
  releaseMemory: () => void;
  onReading?: ((reading: Reading) => void) | undefined;
  onAdmitted?: ((priority: string, waitMs: number) => void) | undefined;
  onRefused?: ((priority: string, reason: string) => void) | undefined;
};

const releaseEveryMs = 10_000;

/** Watches what the machine has left, and gives up what can be spared when it runs short. */
export async function watchResources({
  config,
  log,
  releaseMemory,
  onReading,
  onAdmitted,
  onRefused,
}: Options) {
  const advisor = new Advisor(resourceAdvice);
  const pressure = new Pressure({
    memoryThreshold: config.MEMORY_THRESHOLD,
    cpuThreshold: config.CPU_THRESHOLD,
    onChange: (verdict, before) =>
      log.warn(describe(verdict), `pressure: ${before} to ${verdict.level}`),
  });
  const admission = new Admission({
    isRefused: (priority) =>
      (priority === "low" && pressure.isAtLeast("low_priority_refused")) ||
      (priority === "answer" && pressure.isAtLeast("answers_refused")),
    on: {
      ...(onAdmitted && { admitted: onAdmitted }),
      ...(onRefused && { refused: onRefused }),
    },
  });
  let releasedMs = 0;
  const monitor = await ResourceMonitor.start({
    dataDirectory: nearestExisting(resolve(config.DATA_DIR)),
    onReading(reading) {
      pressure.observe(reading);
      advisor.observe({ reading }, reading.atMs);
      const isShort = pressure.verdict.causes.some((cause) => cause.resource === "memory");
      if (
        isShort &&
        pressure.isAtLeast("caches_shrink") &&
        reading.atMs - releasedMs >= releaseEveryMs
      ) {
        releasedMs = reading.atMs;
        releaseMemory();
      }
      onReading?.(reading);
    },
    onError: (err) => log.warn({ err }, "the machine could not be measured"),
  });
  return {
    monitor,
    pressure,
    admission,
    advisor,
    releaseMemory,
    async stop(): Promise<void> {
      await monitor.stop();
      admission.close();
    },
  };
}

/** With a database elsewhere nothing may have been kept here yet: the room is that of the folder above. */
function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory));
}

function describe({ causes }: Verdict): object {
  return Object.fromEntries(
    causes.map(({ resource, value, threshold }) => [
      resource,
      `${value.toFixed(2)} of ${threshold}`,
    ]),
  );
}
