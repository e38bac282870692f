import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  parseCgroupMount,
  parseCgroupPath,
  parseField,
  parseLimit,
  parseQuotaCores,
} from "./kernel-text.ts";

export type ContainerMemory = { usedBytes: number; limitBytes: number };

/** Counters since the group was made. */
export type ContainerCpu = {
  usedUs: number;
  quotaCores: number;
  periods: number;
  throttledPeriods: number;
};

/**
 * The limits that a container sets: this process's group in cgroup v2 and every group above it,
 * since each of them can be the one that is tightest.
 *
 * Of version 1 nothing is read: there the machine's figures stand.
 */
export class Container {
  /** The group and its ancestors, own first. */
  readonly #directories: readonly string[];

  private constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  /** @param procDirectory `/proc`, but for tests */
  static async find(procDirectory: string): Promise<Container> {
    const [cgroup, mountinfo] = await Promise.all([
      readText(join(procDirectory, "self/cgroup")),
      readText(join(procDirectory, "self/mountinfo")),
    ]);
    const mount = mountinfo && parseCgroupMount(mountinfo);
    const path = cgroup && parseCgroupPath(cgroup);
    if (!mount || !path) return new Container([]);
    const directories: string[] = [];
    // A process that was moved out of its namespace's root sees a path with "..": the root then.
    const own = path.includes("..") ? mount : join(mount, path);
    for (let at = own; at.length >= mount.length; at = dirname(at)) {
      directories.push(at.replace(/\/$/, ""));
      if (at === dirname(at)) break;
    }
    return new Container(directories);
  }

  /** The group whose memory is fullest, with what the kernel can have back at once not counted. */
  async memory(): Promise<ContainerMemory | null> {
    const groups = await Promise.all(this.#directories.map(readMemory));
    return groups.reduce(
      (fullest, group) => (group && share(group) > share(fullest) ? group : fullest),
      null,
    );
  }

  /** The groups that have a quota, own first. */
  async cpu(): Promise<Map<string, ContainerCpu>> {
    const found = new Map<string, ContainerCpu>();
    for (const directory of this.#directories) {
      const group = await readCpu(directory);
      if (group) found.set(directory, group);
    }
    return found;
  }
}

async function readMemory(directory: string): Promise<ContainerMemory | null> {
  const limitBytes = parseLimit(await readText(join(directory, "memory.max")));
  if (limitBytes === null || limitBytes === Number.POSITIVE_INFINITY) return null;
  const [current, stat] = await Promise.all([
    readText(join(directory, "memory.current")),
    readText(join(directory, "memory.stat")),
  ]);
  const currentBytes = parseLimit(current);
  if (currentBytes === null) return null;
  const inactiveBytes = parseField(stat, "inactive_file") ?? 0;
  return { usedBytes: Math.max(0, currentBytes - inactiveBytes), limitBytes };
}

async function readCpu(directory: string): Promise<ContainerCpu | null> {
  const quotaCores = parseQuotaCores(await readText(join(directory, "cpu.max")));
  if (quotaCores === null || quotaCores === Number.POSITIVE_INFINITY) return null;
  const stat = await readText(join(directory, "cpu.stat"));
  const usedUs = parseField(stat, "usage_usec");
  if (usedUs === null) return null;
  return {
    usedUs,
    quotaCores,
    periods: parseField(stat, "nr_periods") ?? 0,
    throttledPeriods: parseField(stat, "nr_throttled") ?? 0,
  };
}

function share(memory: ContainerMemory | null): number {
  return memory ? memory.usedBytes / memory.limitBytes : -1;
}

/** @returns null for a file that is not there or may not be read */
export async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}
