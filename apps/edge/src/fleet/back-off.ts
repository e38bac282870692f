const firstMs = 250;
const longestMs = 30_000;
/** A life this long forgives the deaths before it. */
const goodLifeMs = 60_000;

/** How long to wait before a server that died is started again: twice as long each time. */
export class BackOff {
  #deaths = 0;

  /** @param livedMs how long it lived this time */
  nextMs(livedMs: number): number {
    if (livedMs >= goodLifeMs) this.#deaths = 0;
    const waitMs = Math.min(longestMs, firstMs * 2 ** this.#deaths);
    this.#deaths++;
    return waitMs;
  }
}
