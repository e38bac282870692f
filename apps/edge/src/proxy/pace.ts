import type { Limits } from "./limits.ts";

type PaceLimits = Pick<Limits, "idleMs" | "minBytesPerSecond">;

/** Whether a count of bytes grows too slowly while somebody waits for it. */
export class Pace {
  readonly #windowMs: number;
  readonly #wantedBytes: number;
  /** Since when, and how many there were then; nothing while nobody waits. */
  #markMs: number | undefined;
  #markBytes = 0;

  /** Fewer than `minBytesPerSecond`, over `idleMs`, is too slow; without a rate, nothing at all is. */
  constructor({ idleMs, minBytesPerSecond }: PaceLimits) {
    this.#windowMs = idleMs;
    this.#wantedBytes = Math.max(1, (minBytesPerSecond * idleMs) / 1000);
  }

  /**
   * To be asked again and again.
   *
   * @param bytes all that have passed since the beginning; undefined while nobody waits for more
   */
  isTooSlow(nowMs: number, bytes: number | undefined): boolean {
    if (bytes === undefined) {
      this.#markMs = undefined;
      return false;
    }
    if (this.#markMs === undefined || bytes - this.#markBytes >= this.#wantedBytes) {
      this.#markMs = nowMs;
      this.#markBytes = bytes;
      return false;
    }
    return nowMs - this.#markMs >= this.#windowMs;
  }
}
