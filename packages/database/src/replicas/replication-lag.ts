type Sample = { at: number; position: bigint };

/** Enough for an hour of writes at the pace the primary is asked; then every other one is dropped. */
const maxSamples = 14_400;

/**
 * For how long replicas are behind: since when the primary is beyond what a replica has. Told from
 * where the primary was over time, so that it also shows for a replica which nothing reaches any
 * more and which knows of no delay itself.
 */
export class ReplicationLag {
  /** Where the primary was, oldest first, each beyond the one before. */
  #samples: Sample[] = [];

  /** The primary told where it is. */
  primaryAt(position: bigint, at: number): void {
    const last = this.#samples.at(-1);
    if (last && position <= last.position) return;
    this.#samples.push({ at, position });
    if (this.#samples.length > maxSamples) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    }
  }

  /** What all replicas have is no longer of use. */
  forget(replayedByAll: bigint): void {
    const first = this.#samples.findIndex(({ position }) => position > replayedByAll);
    // The last one stays, to tell whether the primary has gone on.
    this.#samples.splice(0, first === -1 ? this.#samples.length - 1 : first);
  }

  /** Milliseconds since the primary was first seen beyond this. */
  of(replayed: bigint, now: number): number {
    const beyond = this.#samples.find(({ position }) => position > replayed);
    return beyond ? Math.max(0, now - beyond.at) : 0;
  }
}
