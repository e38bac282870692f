import { ApiError } from "../api/api-error.ts";
import { backOffMs, pause } from "./back-off.ts";

export type CatchUpOptions = {
  /** Reads everything that may have changed unheard. */
  read: () => Promise<unknown>;
  random?: () => number;
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
};

/**
 * Reads what was missed until it has come, with a growing wait after each failure: right after a
 * server died the others may be too busy to answer. One that starts takes the place of one that runs.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #random: () => number;
  #running = new AbortController();
  #isDue = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /**
   * @param withinMs begins at a random moment within this time, where all clients of a server have
   *   been told at once; one that waits for its moment already is early enough
   */
  start(withinMs = 0): void {
    if (this.#isDue && withinMs > 0) return;
    this.stop();
    this.#running = new AbortController();
    this.#run(withinMs * this.#random(), this.#running.signal).catch(() => {});
  }

  stop(): void {
    this.#running.abort();
    this.#isDue = false;
  }

  async #run(delayMs: number, signal: AbortSignal): Promise<void> {
    const wait = this.#options.wait ?? pause;
    if (delayMs > 0) {
      this.#isDue = true;
      await wait(delayMs, signal);
      if (signal.aborted) return;
      this.#isDue = false;
    }
    for (let failures = 0; !signal.aborted; failures++) {
      let retryAfterMs = 0;
      try {
        await this.#options.read();
        return;
      } catch (error) {
        // Who is signed out has missed nothing.
        if (error instanceof ApiError && error.code === "unauthenticated") return;
        if (error instanceof ApiError) retryAfterMs = error.retryAfterMs ?? 0;
      }
      await wait(Math.max(retryAfterMs, backOffMs(failures, this.#random)), signal);
    }
  }
}
