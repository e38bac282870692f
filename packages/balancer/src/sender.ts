import { type Clock, systemClock } from "./clock.ts";
import { Delivery, type DeliveryResult, type SendOptions } from "./delivery.ts";
import { numberOption } from "./numbers.ts";
import type { Pool } from "./pool.ts";
import { RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";
import type { FailureKind, ServerInfo } from "./ticket.ts";

export interface SenderEvents {
  /** A request is tried again; `from` is where it failed. */
  readonly onRetry?: (from: ServerInfo, kind: FailureKind | "lost") => void;
  /** A request waits at `from`, and is sent to another server as well. */
  readonly onHedge?: (from: ServerInfo) => void;
  /** A request would have been tried again, and the budget was used up. */
  readonly onBudgetSpent?: () => void;
}

export interface SenderOptions {
  /** Tries for each request, the first and a hedge included: 3. */
  readonly maxAttempts?: number | undefined;
  readonly budget?: RetryBudgetOptions | undefined;
  readonly events?: SenderEvents | undefined;
  readonly clock?: Clock | undefined;
}

/** What the deliveries of one sender share. */
export interface SenderContext {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly maxAttempts: number;
  readonly events: SenderEvents;
}

/**
 * Sends requests to a pool and, where that is safe, tries again elsewhere until the first byte of an
 * answer has come. Safe is what may be repeated, and anything that was not acted upon: no connection
 * came about, or the server turned it away. Second tries come out of one budget, but for those after
 * no connection: no server has had work of them.
 */
export class Sender {
  readonly #context: SenderContext;

  constructor(pool: Pool, options: SenderOptions = {}) {
    const clock = options.clock ?? systemClock;
    this.#context = {
      pool,
      clock,
      budget: new RetryBudget(options.budget ?? {}, clock.now()),
      maxAttempts: numberOption("maxAttempts", options.maxAttempts, 3, {
        min: 1,
        max: 100,
        integer: true,
      }),
      events: options.events ?? {},
    };
  }

  /**
   * Resolves when an answer has begun; its ticket is then the caller's to end. Rejects with the
   * `AttemptFailure` of the last try, with the pool's error where no server could be had at all, or
   * with the signal's reason.
   */
  send<T>(options: SendOptions<T>): Promise<DeliveryResult<T>> {
    this.#context.budget.request();
    return new Delivery(this.#context, options).run();
  }
}
