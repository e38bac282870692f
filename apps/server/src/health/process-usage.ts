import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";

const sampleMs = 2_000;
const cgroupLimit = "/sys/fs/cgroup/memory.max";

/** How much of the machine this process uses, as fractions of what it may use. */
export class ProcessUsage {
  readonly #memoryLimitBytes = memoryLimitBytes();
  readonly #timer: ReturnType<typeof setInterval>;
  #sampledAtMs = performance.now();
  #sampledCpu = process.cpuUsage();
  #cpuFraction = 0;

  constructor() {
    this.#timer = setInterval(() => this.#sample(), sampleMs);
  }

  /** Of all cores, over the last two seconds. */
  get cpuFraction(): number {
    return this.#cpuFraction;
  }

  /** Resident memory, of the machine's or the container's limit. */
  get memoryFraction(): number {
    return Math.min(1, process.memoryUsage.rss() / this.#memoryLimitBytes);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const now = performance.now();
    const used = process.cpuUsage(this.#sampledCpu);
    const availableMs = (now - this.#sampledAtMs) * availableParallelism();
    this.#cpuFraction = Math.min(1, (used.user + used.system) / 1000 / availableMs);
    this.#sampledAtMs = now;
    this.#sampledCpu = process.cpuUsage();
  }
}

function memoryLimitBytes(): number {
  try {
    const limit = Number(readFileSync(cgroupLimit, "utf8"));
    return Number.isFinite(limit) ? Math.min(limit, totalmem()) : totalmem();
  } catch {
    return totalmem();
  }
}
