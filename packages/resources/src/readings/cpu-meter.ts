import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type { Reading } from "../reading.ts";
import type { Container } from "./container.ts";
import type { GroupCpu } from "./group-figures.ts";
import { parseCpuTicks } from "./kernel-text.ts";
import { readText } from "./read-text.ts";

type Counters = {
  atMs: number;
  machine: { busy: number; total: number };
  processUs: number;
  groups: Map<string, GroupCpu>;
};

/** CPU in use between one reading and the next, from counters that only grow. */
export class CpuMeter {
  readonly #procDirectory: string;
  readonly #container: Container;
  readonly #now: () => number;
  #last: Counters | undefined;

  constructor(procDirectory: string, container: Container, now: () => number) {
    this.#procDirectory = procDirectory;
    this.#container = container;
    this.#now = now;
  }

  /** The first call has nothing to compare with and gives zeros. */
  async read(): Promise<Reading["cpu"]> {
    const current = await this.#counters();
    const last = this.#last ?? current;
    this.#last = current;
    const elapsedUs = Math.max(1, (current.atMs - last.atMs) * 1000);
    let fraction = ratio(
      current.machine.busy - last.machine.busy,
      current.machine.total - last.machine.total,
    );
    let availableCores = availableParallelism();
    let throttledFraction: number | null = null;
    for (const [directory, group] of current.groups) {
      const before = last.groups.get(directory) ?? group;
      fraction = Math.max(
        fraction,
        ratio(group.usedUs - before.usedUs, elapsedUs * group.quotaCores),
      );
      availableCores = Math.min(availableCores, group.quotaCores);
      throttledFraction = Math.max(
        throttledFraction ?? 0,
        ratio(group.throttledPeriods - before.throttledPeriods, group.periods - before.periods),
      );
    }
    return {
      fraction,
      processCores: Math.max(0, (current.processUs - last.processUs) / elapsedUs),
      availableCores,
      throttledFraction,
    };
  }

  async #counters(): Promise<Counters> {
    const [stat, groups] = await Promise.all([
      readText(join(this.#procDirectory, "stat")),
      this.#container.cpu(),
    ]);
    const { user, system } = process.cpuUsage();
    return {
      atMs: this.#now(),
      machine: (stat && parseCpuTicks(stat)) || ticksOfSystem(),
      processUs: user + system,
      groups,
    };
  }
}

/** Where there is no `/proc`. */
function ticksOfSystem(): { busy: number; total: number } {
  let busy = 0;
  let total = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.irq + times.idle;
    total += all;
    busy += all - times.idle;
  }
  return { busy, total };
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}
