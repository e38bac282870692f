/** A group's memory, with what the kernel can have back at once not counted as used. */
export type GroupMemory = { usedBytes: number; limitBytes: number };

/** A group's CPU: counters since the group was made. */
export type GroupCpu = {
  usedUs: number;
  quotaCores: number;
  periods: number;
  throttledPeriods: number;
};
