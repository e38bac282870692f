import { join } from "node:path";
import type { GroupCpu, GroupMemory } from "./group-figures.ts";
import { parseCount, parseField } from "./kernel-text.ts";
import { readText } from "./read-text.ts";

/**
 * What a group without a limit is said to be limited to: the greatest multiple of the page that
 * fits 63 bits, 9223372036854771712 with pages of 4 KiB. No machine has a thousandth of it.
 */
const unlimitedBytes = 2 ** 53;

/** @returns null for a group without a limit, or that cannot be read */
export async function readMemoryV1(directory: string): Promise<GroupMemory | null> {
  const limitBytes = parseCount(await readText(join(directory, "memory.limit_in_bytes")));
  if (limitBytes === null || limitBytes >= unlimitedBytes) return null;
  const [usage, stat] = await Promise.all([
    readText(join(directory, "memory.usage_in_bytes")),
    readText(join(directory, "memory.stat")),
  ]);
  const usageBytes = parseCount(usage);
  if (usageBytes === null) return null;
  // The usage is that of the groups below as well, and so is what "total_" counts.
  const inactiveBytes = parseField(stat, "total_inactive_file") ?? 0;
  return { usedBytes: Math.max(0, usageBytes - inactiveBytes), limitBytes };
}

/**
 * @param accountDirectory the same group in the hierarchy of `cpuacct`, which often is the same
 * @returns null for a group without a quota, or that cannot be read
 */
export async function readCpuV1(
  directory: string,
  accountDirectory: string,
): Promise<GroupCpu | null> {
  // -1 is no quota, and no count.
  const quotaUs = parseCount(await readText(join(directory, "cpu.cfs_quota_us")));
  if (quotaUs === null) return null;
  const [period, stat, usage] = await Promise.all([
    readText(join(directory, "cpu.cfs_period_us")),
    readText(join(directory, "cpu.stat")),
    readText(join(accountDirectory, "cpuacct.usage")),
  ]);
  const periodUs = parseCount(period);
  const usedNs = parseCount(usage);
  if (!periodUs || usedNs === null) return null;
  return {
    usedUs: usedNs / 1000,
    quotaCores: quotaUs / periodUs,
    periods: parseField(stat, "nr_periods") ?? 0,
    throttledPeriods: parseField(stat, "nr_throttled") ?? 0,
  };
}
