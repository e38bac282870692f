import { numberOption } from "./numbers.ts";

export interface RetryBudgetOptions {
  /** Second tries for each request: 0.1. */
  readonly ratio?: number | undefined;
  /** Second tries for each second, so that quiet pools may retry as well: 1. */
  readonly perSecond?: number | undefined;
  /** How many a quiet time saves up at most, and how many there are at first: 10. */
  readonly reserve?: number | undefined;
}

/**
 * How many second tries the traffic may bring. When everything fails, retrying everything would
 * double the load on what is left; this keeps it at a tenth more. At most
 * `reserve + ratio * requests + perSecond * seconds` second tries are ever given.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #perMs: number;
  readonly #reserve: number;
  #balance: number;
  #creditedAtMs: number;

  constructor(options: RetryBudgetOptions, nowMs: number) {
    this.#ratio = numberOption("ratio", options.ratio, 0.1, { min: 0, max: 10 });
    const perSecond = numberOption("perSecond", options.perSecond, 1, { min: 0, max: 1e6 });
    this.#perMs = perSecond / 1000;
    this.#reserve = numberOption("reserve", options.reserve, 10, { min: 0, max: 1e6 });
    this.#balance = this.#reserve;
    this.#creditedAtMs = nowMs;
  }

  /** To be told of each request, first tries only. What a busy second earns may be saved as well. */
  request(): void {
    this.#balance = Math.min(this.#limit(), this.#balance + this.#ratio);
  }

  take(nowMs: number): boolean {
    const earned = Math.max(0, nowMs - this.#creditedAtMs) * this.#perMs;
    this.#creditedAtMs = nowMs;
    if (this.#balance < this.#reserve) {
      this.#balance = Math.min(this.#reserve, this.#balance + earned);
    }
    if (this.#balance < 1) return false;
    this.#balance--;
    return true;
  }

  /** A burst of failures, as when a server with many requests dies, may use what 1,000 requests earn. */
  #limit(): number {
    return this.#reserve + this.#ratio * 1000;
  }
}
