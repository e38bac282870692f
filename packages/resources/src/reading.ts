/** What was measured at one moment. Fractions are of what this process may use, 0 to 1. */
export type Reading = {
  /** When, in milliseconds since 1970. */
  atMs: number;
  cpu: {
    /** CPU in use, by whoever: of the machine, or of the container's quota where that is tighter. */
    fraction: number;
    /** CPU that this process uses, in cores: 1 is one core fully used. */
    processCores: number;
    /** Cores that this process may use. */
    availableCores: number;
    /** Share of the time in which the container's quota was used up; null without a quota. */
    throttledFraction: number | null;
  };
  memory: {
    /** Memory that cannot be had back, of the machine's or of the container's limit. */
    fraction: number;
    usedBytes: number;
    limitBytes: number;
    /** Resident memory of this process. */
    processBytes: number;
    /** Whose limit it is. */
    limitedBy: "machine" | "container";
  };
  /** The file system that holds the data; null where it cannot be read. */
  disk: { fraction: number; freeBytes: number; totalBytes: number } | null;
  /** How late timers run: since the last reading, beyond what they were set for. */
  eventLoop: { meanDelayMs: number; maxDelayMs: number };
  /** Open file descriptors of this process; null where they cannot be counted. */
  files: { fraction: number; open: number; limit: number } | null;
};
