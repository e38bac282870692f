import type { Reading } from "./reading.ts";
import { Container } from "./readings/container.ts";
import { CpuMeter } from "./readings/cpu-meter.ts";
import { EventLoopDelay } from "./readings/event-loop-delay.ts";
import { readDisk, readMemory, readOpenFiles } from "./readings/other-readings.ts";

export type MonitorOptions = {
  /** A directory on the file system whose room is watched. */
  dataDirectory: string;
  everyMs?: number;
  /** Called with each reading after the first. Must not throw. */
  onReading?: (reading: Reading) => void;
  /** A reading failed as a whole; the next one is tried all the same. */
  onError?: (error: unknown) => void;
  /** `/proc`, but for tests. */
  procDirectory?: string;
};

/**
 * Measures the machine, the container and this process, once a second. All files are read without
 * blocking, and one reading ends before the next begins, so that a slow disk cannot pile them up.
 */
export class ResourceMonitor {
  readonly #options: MonitorOptions;
  readonly #cpu: CpuMeter;
  readonly #container: Container;
  readonly #procDirectory: string;
  readonly #delay = new EventLoopDelay();
  #latest: Reading;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isStopped = false;

  private constructor(
    options: MonitorOptions,
    procDirectory: string,
    container: Container,
    cpu: CpuMeter,
    first: Reading,
  ) {
    this.#options = options;
    this.#procDirectory = procDirectory;
    this.#container = container;
    this.#cpu = cpu;
    this.#latest = first;
    this.#schedule();
  }

  static async start(options: MonitorOptions): Promise<ResourceMonitor> {
    const procDirectory = options.procDirectory ?? "/proc";
    const container = await Container.find(procDirectory);
    const cpu = new CpuMeter(procDirectory, container, () => performance.now());
    const first = await read(options, procDirectory, container, cpu, undefined);
    return new ResourceMonitor(options, procDirectory, container, cpu, first);
  }

  /** The last reading. Its CPU figures are zero for the first second. */
  get latest(): Reading {
    return this.#latest;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#delay.stop();
    await this.#reading;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#reading = this.#read()
        .catch((error: unknown) => this.#options.onError?.(error))
        .finally(() => this.#schedule());
    }, this.#options.everyMs ?? 1000);
  }

  async #read(): Promise<void> {
    const { onReading } = this.#options;
    this.#latest = await read(
      this.#options,
      this.#procDirectory,
      this.#container,
      this.#cpu,
      this.#delay,
    );
    if (!this.#isStopped) onReading?.(this.#latest);
  }
}

async function read(
  { dataDirectory }: MonitorOptions,
  procDirectory: string,
  container: Container,
  meter: CpuMeter,
  delay: EventLoopDelay | undefined,
): Promise<Reading> {
  const [cpu, memory, disk, files] = await Promise.all([
    meter.read(),
    readMemory(procDirectory, container),
    readDisk(dataDirectory),
    readOpenFiles(procDirectory),
  ]);
  const eventLoop = delay?.take() ?? { meanDelayMs: 0, maxDelayMs: 0 };
  return { atMs: Date.now(), cpu, memory, disk, files, eventLoop };
}
