/** Reads what Linux says in its text files. Whatever is missing or malformed is null. */

/** `/proc/stat`: CPU time of all cores in ticks. Time stolen by other machines of the host is busy. */
export function parseCpuTicks(stat: string): { busy: number; total: number } | null {
  const line = /^cpu +(.+)$/m.exec(stat)?.[1];
  if (line === undefined) return null;
  // user nice system idle iowait irq softirq steal; guest time is within user time.
  const ticks = line.split(/ +/).slice(0, 8).map(Number);
  if (ticks.length < 4 || !ticks.every(Number.isFinite)) return null;
  const total = ticks.reduce((sum, part) => sum + part, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

/** `/proc/meminfo`, in bytes. What could be had back at once (page cache) counts as available. */
export function parseMemory(
  meminfo: string,
): { totalBytes: number; availableBytes: number } | null {
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? Number.NaN);
  const total = kilobytes("MemTotal");
  const available = kilobytes("MemAvailable");
  if (!(total > 0) || !(available >= 0)) return null;
  return { totalBytes: total * 1024, availableBytes: available * 1024 };
}

/** `/proc/self/limits`: how many files may be open; Infinity for "unlimited". */
export function parseOpenFilesLimit(limits: string): number | null {
  const soft = /^Max open files +(\S+)/m.exec(limits)?.[1];
  if (soft === "unlimited") return Number.POSITIVE_INFINITY;
  return toCount(soft);
}

/** `memory.max` and the like: bytes; Infinity for "max". */
export function parseLimit(text: string | null): number | null {
  const value = text?.trim();
  return value === "max" ? Number.POSITIVE_INFINITY : toCount(value);
}

/** `cpu.max`: how many cores the quota is worth; Infinity without one. */
export function parseQuotaCores(cpuMax: string | null): number | null {
  const [quota, period] = cpuMax?.trim().split(" ") ?? [];
  if (quota === "max") return Number.POSITIVE_INFINITY;
  const quotaUs = toCount(quota);
  const periodUs = toCount(period);
  return quotaUs === null || !periodUs ? null : quotaUs / periodUs;
}

/** One figure of a file of lines "name figure", such as `cpu.stat` and `memory.stat`. */
export function parseField(text: string | null, name: string): number | null {
  return toCount(new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1]);
}

/** `/proc/self/cgroup`: where this process is in the version 2 hierarchy. */
export function parseCgroupPath(cgroup: string): string | null {
  return /^0::(\/.*)$/m.exec(cgroup)?.[1] ?? null;
}

/** `/proc/self/mountinfo`: where the version 2 hierarchy is mounted. */
export function parseCgroupMount(mountinfo: string): string | null {
  for (const line of mountinfo.split("\n")) {
    const [mount, kind] = line.split(" - ");
    if (kind?.startsWith("cgroup2 ")) return mount?.split(" ")[4] ?? null;
  }
  return null;
}

function toCount(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
