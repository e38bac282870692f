import type { Clock } from "../clock.ts";
import type { Knowledge } from "../log/knowledge.ts";
import type { Entry } from "../memory/entry.ts";
import type { TypeState } from "../type-state.ts";

interface Flight {
  readonly type: TypeState;
  readonly tags: readonly string[];
  readonly seq: number;
  readonly generation: number;
  readonly result: Promise<Entry>;
  /** The flight that those wait for who came too late for this one. */
  next: Promise<Entry> | undefined;
}

/**
 * One load for each key at a time in this process.
 *
 * Who comes while a load runs shares it, its failure too, unless a write may have been acknowledged
 * since it began: its value could be older than that write. Then:
 *
 * - If the write has ended, a new load begins at once, and others share that.
 * - If a write is pending, or this process does not know (it is cut off), everybody who comes waits
 *   for the load that runs and then shares one new load: a hot key has one load at a time even then.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #knowledge: Knowledge;
  readonly #clock: Clock;

  constructor(options: { knowledge: Knowledge; clock: Clock }) {
    this.#knowledge = options.knowledge;
    this.#clock = options.clock;
  }

  get size(): number {
    return this.#flights.size;
  }

  has(key: string): boolean {
    return this.#flights.has(key);
  }

  /** Shares the load of the key, or begins it by `begin`. */
  share(
    type: TypeState,
    key: string,
    tags: readonly string[],
    begin: () => Promise<Entry>,
  ): Promise<Entry> {
    const flight = this.#flights.get(key);
    if (flight === undefined) return this.#begin(type, key, tags, begin);
    if (this.#isShareable(flight, key)) {
      type.counts.coalesced++;
      return flight.result;
    }
    if (this.#knows(type) && !this.#knowledge.isPending(key, flight.tags)) {
      return this.#begin(type, key, tags, begin);
    }
    if (flight.next === undefined) {
      const after = () => {
        // Whatever flies now began after everybody who waits had come.
        const now = this.#flights.get(key);
        return now === undefined || now === flight
          ? this.#begin(type, key, tags, begin)
          : now.result;
      };
      flight.next = flight.result.then(after, after);
    } else type.counts.coalesced++;
    return flight.next;
  }

  #begin(
    type: TypeState,
    key: string,
    tags: readonly string[],
    begin: () => Promise<Entry>,
  ): Promise<Entry> {
    const { position, generation } = this.#knowledge;
    const result = begin();
    const flight: Flight = { type, tags, seq: position, generation, result, next: undefined };
    this.#flights.set(key, flight);
    const land = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    result.then(land, land);
    return result;
  }

  #isShareable(flight: Flight, key: string): boolean {
    return (
      this.#knows(flight.type) &&
      flight.generation === this.#knowledge.generation &&
      this.#knowledge.isCurrent(key, flight.tags, flight.seq)
    );
  }

  /** Whether this process would know of a write that was acknowledged. */
  #knows(type: TypeState): boolean {
    return !type.shared || this.#clock.now() < this.#knowledge.leaseUntil;
  }
}
