import type { Knowledge } from "./knowledge.ts";

/**
 * How long memory may be served by what this process knows.
 *
 * A beat asks where the log stands. Once everything up to there has been read, the lease runs from
 * the moment the beat was *sent*: what was written after that moment may be unknown, what was
 * written before is not. A process that is stalled, cut off or behind has no lease, by itself.
 */
export class Lease {
  readonly #knowledge: Knowledge;
  readonly #leaseMs: number;
  /** Beats whose number has not been read up to yet, oldest first. */
  #barriers: { readonly seq: number; readonly sentAt: number }[] = [];
  /** When the beat was sent that the lease rests on. */
  #since = Number.NEGATIVE_INFINITY;

  constructor(options: { knowledge: Knowledge; leaseMs: number }) {
    this.#knowledge = options.knowledge;
    this.#leaseMs = options.leaseMs;
  }

  get since(): number {
    return this.#since;
  }

  /** A beat sent at `sentAt` was answered with `seq`. */
  answered(seq: number, sentAt: number): void {
    this.#knowledge.verifyUntil = sentAt + this.#leaseMs;
    this.#barriers.push({ seq, sentAt });
    this.renew();
  }

  /** Called when records were read: begins the lease of every beat that was waiting for them. */
  renew(): void {
    while (true) {
      const barrier = this.#barriers[0];
      if (barrier === undefined || barrier.seq > this.#knowledge.position) return;
      this.#barriers.shift();
      this.#since = barrier.sentAt;
      this.#knowledge.leaseUntil = barrier.sentAt + this.#leaseMs;
    }
  }

  /** Whether records that a beat of long before `sentAt` named have not arrived to this day. */
  isStuck(sentAt: number): boolean {
    const oldest = this.#barriers[0];
    return oldest !== undefined && sentAt - oldest.sentAt > 2 * this.#leaseMs;
  }

  stop(): void {
    this.#barriers = [];
    this.#knowledge.leaseUntil = Number.NEGATIVE_INFINITY;
    this.#knowledge.verifyUntil = Number.NEGATIVE_INFINITY;
  }
}
