/**
 * Where in the log a replica must be for anybody to read there: where the primary was `maxLagMs` ago.
 * Times are those of one monotonic clock.
 */
export class LagFloor {
  readonly #maxLagMs: number;
  /** Where the primary was, oldest first. The first is the newest that is older than `maxLagMs`. */
  readonly #primary: { at: number; position: bigint }[] = [];

  constructor(maxLagMs: number) {
    this.#maxLagMs = maxLagMs;
  }

  /** @param askedAt when the primary was asked; it can only have moved on since */
  primaryAt(position: bigint, askedAt: number): void {
    this.#primary.push({ at: askedAt, position });
    const oldest = askedAt - this.#maxLagMs;
    while (this.#primary[1] && this.#primary[1].at <= oldest) this.#primary.shift();
  }

  /** Undefined until the primary has told where it is. */
  at(now: number): bigint | undefined {
    // Of what is kept, the newest that is old enough; the first of all where none is.
    let floor = this.#primary[0]?.position;
    for (const { at, position } of this.#primary) {
      if (at > now - this.#maxLagMs) break;
      floor = position;
    }
    return floor;
  }
}
