type Position = { at: number; position: bigint };

/**
 * Up to where in the log a replica must have come before a user may read there: beyond what they
 * wrote, and for everybody beyond where the primary was `maxLagMs` ago.
 *
 * Nobody waits for a position: it is asked for after a write, and until it is known the user reads
 * from the primary. What the primary says later than a write lies beyond it.
 */
export class RecentWrites {
  readonly #maxLagMs: number;
  /** By user; null while the position is not known yet. */
  readonly #writes = new Map<string, bigint | null>();
  /** Where the primary was, oldest first. The first is the newest that is older than `maxLagMs`. */
  readonly #primary: Position[] = [];

  constructor(maxLagMs: number) {
    this.#maxLagMs = maxLagMs;
  }

  /** A write of this user was committed. */
  wrote(userId: string): void {
    this.#writes.set(userId, null);
  }

  /** Whose positions are to be set once the primary has told where it is. */
  unplaced(): string[] {
    return [...this.#writes].filter(([, position]) => position === null).map(([userId]) => userId);
  }

  /**
   * The primary told where it is.
   *
   * @param askedAt when it was asked
   * @param before what `unplaced` gave before it was asked
   */
  primaryAt(position: bigint, askedAt: number, before: string[]): void {
    for (const userId of before) this.#writes.set(userId, position);
    this.#primary.push({ at: askedAt, position });
    const oldest = askedAt - this.#maxLagMs;
    while (this.#primary[1] && this.#primary[1].at <= oldest) this.#primary.shift();
    // What every replica in use is beyond need not be kept.
    const floor = this.#floor(askedAt);
    if (floor === undefined) return;
    for (const [userId, written] of this.#writes) {
      if (written !== null && written <= floor) this.#writes.delete(userId);
    }
  }

  /** Whether what a replica has replayed is enough for this user. */
  allows(userId: string, replayed: bigint, now: number): boolean {
    const floor = this.#floor(now);
    if (floor === undefined || replayed < floor) return false;
    const written = this.#writes.get(userId);
    return written === undefined || (written !== null && written <= replayed);
  }

  /** Undefined until the primary has been known for long enough. */
  #floor(now: number): bigint | undefined {
    const first = this.#primary[0];
    if (!first) return undefined;
    // Of what is kept, the newest that is old enough; the first of all where none is.
    let floor = first.position;
    for (const { at, position } of this.#primary) {
      if (at > now - this.#maxLagMs) break;
      floor = position;
    }
    return floor;
  }
}
