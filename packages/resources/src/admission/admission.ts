import { AdaptiveLimit, type LimitOptions } from "./adaptive-limit.ts";
import type { Baseline } from "./baseline.ts";
import { type Priority, priorities, shareOfLimit } from "./priority.ts";
import { RefusalPace } from "./refusal-pace.ts";
import { WaitingLine } from "./waiting-line.ts";

export type RefusalReason = "pressure" | "full_line" | "waited";

export type AdmissionOptions = LimitOptions & {
  /** Whether requests of this kind are refused whatever there is room for. */
  isRefused?: (priority: Priority) => boolean;
  on?: {
    admitted?: (priority: Priority, waitMs: number) => void;
    refused?: (priority: Priority, reason: RefusalReason) => void;
  };
  now?: () => number;
};

export type AdmissionState = {
  limit: number;
  inFlight: number;
  /** Requests in line for a place. */
  waiting: number;
  /** Refusals that are held back. */
  held: number;
  admitted: Record<Priority, number>;
  refused: Record<Priority, number>;
};

/** A place among the requests in flight. */
export type Ticket = {
  /**
   * Gives the place back, once; later calls do nothing. Without `learn` the time until now says
   * nothing about load, as when the request waits for a model.
   */
  release(learn: boolean): void;
};

/**
 * Decides which requests are taken in, so that those that are have their answer soon and the rest
 * are told soon to come again. A place is held until the first byte, never for as long as a
 * stream lasts.
 *
 * A thousand can wait at most; once a line stands, no more of a kind than the limit is.
 */
export class Admission {
  readonly #limit: AdaptiveLimit;
  readonly #line: WaitingLine;
  readonly #pace: RefusalPace;
  readonly #isRefused: (priority: Priority) => boolean;
  readonly #on: NonNullable<AdmissionOptions["on"]>;
  readonly #now: () => number;
  readonly #admitted = zeros();
  readonly #refused = zeros();
  #inFlight = 0;

  constructor(options: AdmissionOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#limit = new AdaptiveLimit(options);
    this.#line = new WaitingLine(this.#now);
    this.#pace = new RefusalPace(this.#now);
    this.#isRefused = options.isRefused ?? (() => false);
    this.#on = options.on ?? {};
  }

  get state(): AdmissionState {
    return {
      limit: this.#limit.limit,
      inFlight: this.#inFlight,
      waiting: this.#line.length,
      held: this.#pace.held,
      admitted: { ...this.#admitted },
      refused: { ...this.#refused },
    };
  }

  /**
   * Takes a request in if there is room for it now, and else does nothing.
   *
   * @param baseline of this kind of request, kept by whoever knows the kinds
   */
  tryAdmit(priority: Priority, baseline: Baseline): Ticket | undefined {
    if (this.#isRefused(priority) || !this.#hasPlace(priority)) return undefined;
    // Nobody overtakes those of the same kind or a better one who came before.
    if (this.#line.hasAhead(priority)) return undefined;
    this.#inFlight++;
    return this.#ticket(priority, baseline, 0);
  }

  /**
   * Takes a request in, if need be after a while; or undefined: it is to be refused now. Only what
   * has to wait, for a place or for its refusal, costs a promise.
   */
  admit(priority: Priority, baseline: Baseline): Ticket | undefined | Promise<Ticket | undefined> {
    const ticket = this.tryAdmit(priority, baseline);
    if (ticket) return ticket;
    if (this.#isRefused(priority)) return this.#refuse(priority, "pressure");
    if (this.#line.isFull(priority, this.#limit.limit)) return this.#refuse(priority, "full_line");
    return this.#wait(priority, baseline);
  }

  /** Turns away those who wait, at once. */
  close(): void {
    this.#line.close();
    this.#pace.close();
  }

  async #wait(priority: Priority, baseline: Baseline): Promise<Ticket | undefined> {
    const sinceMs = this.#now();
    // Whoever lets the waiter in takes the place for it, or the next to come would see it free.
    const isAdmitted = await this.#line.join(priority);
    if (!isAdmitted) return this.#refuse(priority, "waited");
    return this.#ticket(priority, baseline, this.#now() - sinceMs);
  }

  #ticket(priority: Priority, baseline: Baseline, waitMs: number): Ticket {
    this.#admitted[priority]++;
    this.#on.admitted?.(priority, waitMs);
    const startedMs = this.#now();
    let isReleased = false;
    return {
      release: (learn) => {
        if (isReleased) return;
        isReleased = true;
        if (learn) {
          const nowMs = this.#now();
          this.#limit.observe(nowMs, nowMs - startedMs, baseline, this.#inFlight);
        }
        this.#inFlight--;
        this.#fill();
      },
    };
  }

  #fill(): void {
    while (this.#line.admit((priority) => this.#hasPlace(priority))) this.#inFlight++;
  }

  #hasPlace(priority: Priority): boolean {
    return this.#inFlight < this.#limit.limit * shareOfLimit[priority];
  }

  #refuse(priority: Priority, reason: RefusalReason): undefined | Promise<undefined> {
    this.#refused[priority]++;
    this.#on.refused?.(priority, reason);
    return this.#pace.turn()?.then(nothing);
  }
}

function nothing(): undefined {}

function zeros(): Record<Priority, number> {
  return Object.fromEntries(priorities.map((priority) => [priority, 0])) as Record<
    Priority,
    number
  >;
}
