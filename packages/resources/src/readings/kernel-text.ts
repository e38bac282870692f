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
  return parseCount(soft);
}

/** One figure of a file of lines "name figure", such as `cpu.stat` and `memory.stat`. */
export function parseField(text: string | null, name: string): number | null {
  return parseCount(new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1]);
}

/** A file, or a word of one, that is a whole number from 0; null for any other, such as "max" and "-1". */
export function parseCount(text: string | null | undefined): number | null {
  const count = text?.trim();
  return count !== undefined && /^\d+$/.test(count) ? Number(count) : null;
}
