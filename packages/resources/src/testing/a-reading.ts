import type { Reading } from "../reading.ts";

type Parts = {
  atMs?: number;
  cpu?: number;
  memory?: number;
  delayMs?: number;
};

/** A reading of a machine at rest, but for what the test says. */
export function aReading({ atMs = 0, cpu = 0.1, memory = 0.3, delayMs = 0 }: Parts = {}): Reading {
  return {
    atMs,
    cpu: { fraction: cpu, processCores: 0.1, availableCores: 4, throttledFraction: null },
    memory: {
      fraction: memory,
      usedBytes: memory * 1e9,
      limitBytes: 1e9,
      processBytes: 1e8,
      limitedBy: "machine",
    },
    disk: { fraction: 0.5, freeBytes: 1e9, totalBytes: 2e9 },
    eventLoop: { meanDelayMs: delayMs, maxDelayMs: delayMs },
    files: { fraction: 0.01, open: 10, limit: 1000 },
  };
}
