type Sample = { at: number; position: bigint };

/** Enough for an hour of writes at the pace the primary is asked; then every other one is dropped. */
const maxSamples = 14_400;

/**
 * Where the primary was in its log over time. Tells how far a replica must be for anybody to read
 * there, and for how long one is behind: also one that nothing reaches any more and which knows of
 * no delay itself. Times are those of one monotonic clock.
 */
export class PrimaryPositions {
  readonly #maxLagMs: number;
  /** Oldest first, each beyond the one before. */
  #samples: Sample[] = [];

  /** @param maxLagMs how far behind a replica may be that is read from */
  constructor(maxLagMs: number) {
    this.#maxLagMs = maxLagMs;
  }

  /** @param askedAt when the primary was asked; it can only have moved on since */
  add(position: bigint, askedAt: number): void {
    // One that crashed comes back without what it had not flushed.
    while ((this.#samples.at(-1)?.position ?? 0n) > position) this.#samples.pop();
    if (this.#samples.at(-1)?.position === position) return;
    this.#samples.push({ at: askedAt, position });
    if (this.#samples.length > maxSamples) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    }
  }

  /** Where the primary was `maxLagMs` ago. Undefined until it has told where it is. */
  floor(now: number): bigint | undefined {
    return this.#samples[this.#floorIndex(now)]?.position;
  }

  /** Milliseconds since the primary was first seen beyond this. */
  lagMs(replayed: bigint, now: number): number {
    const beyond = this.#samples.find(({ position }) => position > replayed);
    return beyond ? Math.max(0, now - beyond.at) : 0;
  }

  /** Lets go of what all replicas have, but for the floor and what came after it. */
  forget(replayedByAll: bigint, now: number): void {
    const lacking = this.#samples.findIndex(({ position }) => position > replayedByAll);
    const floor = this.#floorIndex(now);
    this.#samples.splice(0, lacking === -1 ? floor : Math.min(lacking, floor));
  }

  /** Of what is kept, the newest that is old enough; the first of all where none is. */
  #floorIndex(now: number): number {
    const oldest = now - this.#maxLagMs;
    return Math.max(
      0,
      this.#samples.findLastIndex(({ at }) => at <= oldest),
    );
  }
}
