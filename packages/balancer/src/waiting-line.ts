import type { Demand, Priority } from "./demand.ts";
import { BalancerError } from "./errors.ts";
import type { Ticket } from "./ticket.ts";

export interface WaitingLineOptions {
  readonly maxLength: number;
  readonly maxWaitMs: number;
}

/** A request that waits for a server with room. */
export interface Waiter {
  readonly demand: Demand;
  readonly enteredAtMs: number;
  readonly priority: Priority;
  readonly settle: (result: Ticket | Error) => void;
}

/** A full line says so at once: by the time that a client comes back, some of it has moved. */
const retryAfterMs = 1000;

/**
 * The requests that wait, in the order of their coming, the interactive ones before all of the
 * background ones. Bounded: past `maxLength` a background request is turned away, and an
 * interactive one takes the place of the background request that came last.
 */
export class WaitingLine {
  readonly #options: WaitingLineOptions;
  readonly #interactive = new Set<Waiter>();
  readonly #background = new Set<Waiter>();

  constructor(options: WaitingLineOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#interactive.size + this.#background.size;
  }

  lengthOf(priority: Priority): number {
    return this.#lineOf(priority).size;
  }

  enter(waiter: Waiter): void {
    if (this.length >= this.#options.maxLength) {
      const last = waiter.priority === "interactive" ? lastOf(this.#background) : undefined;
      if (last === undefined) throw this.#full();
      this.#background.delete(last);
      last.settle(this.#full());
    }
    this.#lineOf(waiter.priority).add(waiter);
  }

  leave(waiter: Waiter): boolean {
    return this.#lineOf(waiter.priority).delete(waiter);
  }

  /** In the order in which they are to be served. A waiter may leave while this is walked. */
  *inOrder(): Generator<Waiter> {
    yield* this.#interactive;
    yield* this.#background;
  }

  /** Lets those go whose time is over. */
  expire(now: number): void {
    const { maxWaitMs } = this.#options;
    for (const line of [this.#interactive, this.#background]) {
      for (const waiter of line) {
        if (waiter.enteredAtMs + maxWaitMs > now) break;
        line.delete(waiter);
        const words = `No server had room for this request within ${maxWaitMs} ms`;
        waiter.settle(new BalancerError("queue_timeout", words, retryAfterMs));
      }
    }
  }

  /** When the time of the first of them is over. */
  nextExpiryMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const line of [this.#interactive, this.#background]) {
      for (const first of line) {
        nextMs = Math.min(nextMs, first.enteredAtMs + this.#options.maxWaitMs);
        break;
      }
    }
    return nextMs;
  }

  #lineOf(priority: Priority): Set<Waiter> {
    return priority === "background" ? this.#background : this.#interactive;
  }

  #full(): BalancerError {
    const { maxLength } = this.#options;
    const words = `All servers are at their limit, and ${maxLength} requests wait already`;
    return new BalancerError("queue_full", words, retryAfterMs);
  }
}

function lastOf(line: Set<Waiter>): Waiter | undefined {
  let last: Waiter | undefined;
  for (const waiter of line) last = waiter;
  return last;
}
