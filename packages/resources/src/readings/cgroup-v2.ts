import { join } from "node:path";
import type { GroupCpu, GroupMemory } from "./group-figures.ts";
import { parseCount, parseField } from "./kernel-text.ts";
import { readText } from "./read-text.ts";

/** @returns null for a group without a limit, or that cannot be read */
export async function readMemoryV2(directory: string): Promise<GroupMemory | null> {
  // "max" is no limit.
  const limitBytes = parseCount(await readText(join(directory, "memory.max")));
  if (limitBytes === null) return null;
  const [current, stat] = await Promise.all([
    readText(join(directory, "memory.current")),
    readText(join(directory, "memory.stat")),
  ]);
  const currentBytes = parseCount(current);
  if (currentBytes === null) return null;
  const inactiveBytes = parseField(stat, "inactive_file") ?? 0;
  return { usedBytes: Math.max(0, currentBytes - inactiveBytes), limitBytes };
}

/** @returns null for a group without a quota, or that cannot be read */
export async function readCpuV2(directory: string): Promise<GroupCpu | null> {
  // "50000 100000" for half a core, and "max 100000" for no quota.
  const [quota, period] = (await readText(join(directory, "cpu.max")))?.split(" ") ?? [];
  const quotaUs = parseCount(quota);
  const periodUs = parseCount(period);
  if (quotaUs === null || !periodUs) return null;
  const stat = await readText(join(directory, "cpu.stat"));
  const usedUs = parseField(stat, "usage_usec");
  if (usedUs === null) return null;
  return {
    usedUs,
    quotaCores: quotaUs / periodUs,
    periods: parseField(stat, "nr_periods") ?? 0,
    throttledPeriods: parseField(stat, "nr_throttled") ?? 0,
  };
}
