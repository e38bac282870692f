import type { Log } from "./log.ts";

/**
 * What has been opened, to be closed in reverse order. A release that fails is logged and does not
 * hold up those after it.
 */
export class Lifecycle {
  readonly #log: Log;
  readonly #releases: { name: string; release: () => unknown }[] = [];
  #closing: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Registers how `name` is closed. */
  onClose(name: string, release: () => unknown): void {
    this.#releases.push({ name, release });
  }

  /** Closes everything once; later calls wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let entry = this.#releases.pop(); entry; entry = this.#releases.pop()) {
      try {
        await entry.release();
        this.#log.debug({}, `closed ${entry.name}`);
      } catch (err) {
        this.#log.error({ err }, `closing ${entry.name} failed`);
      }
    }
  }
}
