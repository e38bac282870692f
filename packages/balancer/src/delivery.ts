import { BalancerError } from "./errors.ts";
import type { AcquireOptions } from "./pool.ts";
import type { SenderContext } from "./sender.ts";
import type { FailureKind, Ticket } from "./ticket.ts";

/** How an attempt says that its server failed. Anything else that it throws says nothing of the server. */
export class AttemptFailure extends Error {
  override readonly name = "AttemptFailure";
  readonly kind: FailureKind;
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    details?: ErrorOptions & { retryAfterMs?: number },
  ) {
    super(message, details);
    this.kind = kind;
    this.retryAfterMs = details?.retryAfterMs;
  }
}

export interface SendOptions<T> extends AcquireOptions {
  /** Whether doing it twice does no harm, as with GET. */
  readonly repeatable: boolean;
  /**
   * Sends the request once and resolves when a good answer has begun. Stops when the signal aborts.
   * Throws `AttemptFailure` when the server is to blame. Once it has resolved the signal stays
   * silent: ending the answer that it gave is then the caller's business.
   */
  readonly attempt: (ticket: Ticket, signal: AbortSignal) => Promise<T>;
  /** Frees an answer that came too late to be used. */
  readonly discard?: ((answer: T) => void) | undefined;
  /** Sends what may be repeated to a second server after this long without an answer. */
  readonly hedgeAfterMs?: number | undefined;
}

export interface DeliveryResult<T> {
  readonly ticket: Ticket;
  readonly answer: T;
}

interface Attempt {
  readonly ticket: Ticket;
  readonly controller: AbortController;
}

/** One request on its way: its attempts, of which two run side by side where it is hedged. */
export class Delivery<T> {
  readonly #context: SenderContext;
  readonly #options: SendOptions<T>;
  readonly #result = Promise.withResolvers<DeliveryResult<T>>();
  readonly #running = new Set<Attempt>();
  readonly #tried: string[] = [];
  #failure: AttemptFailure | undefined;
  /** Servers being chosen for further attempts, which may have to wait. */
  #choosing = 0;
  #attempts = 0;
  #isSettled = false;
  #cancelHedge: (() => void) | undefined;

  constructor(context: SenderContext, options: SendOptions<T>) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<DeliveryResult<T>> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const abort = () => this.#settle(() => this.#result.reject(signal?.reason));
    signal?.addEventListener("abort", abort);
    try {
      this.#startAnother();
      return await this.#result.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #start(ticket: Ticket): void {
    if (this.#isSettled) {
      ticket.release();
      return;
    }
    this.#tried.push(ticket.server.id);
    const attempt: Attempt = { ticket, controller: new AbortController() };
    this.#running.add(attempt);
    if (this.#tried.length === 1) this.#armHedge();
    ticket.onServerLost = () => this.#serverLost(attempt);
    void this.#run(attempt);
  }

  /** Never rejects: whatever happens settles the delivery or starts the next attempt. */
  async #run(attempt: Attempt): Promise<void> {
    const { ticket, controller } = attempt;
    try {
      const answer = await this.#options.attempt(ticket, controller.signal);
      if (this.#running.delete(attempt) && !this.#isSettled) {
        ticket.onServerLost = undefined;
        ticket.firstByte();
        this.#settle(() => this.#result.resolve({ ticket, answer }));
      } else {
        ticket.release();
        this.#options.discard?.(answer);
      }
    } catch (error) {
      const wasRunning = this.#running.delete(attempt);
      ticket.onServerLost = undefined;
      if (!wasRunning || !(error instanceof AttemptFailure)) ticket.release();
      else ticket.fail(error.kind, { retryAfterMs: error.retryAfterMs });
      if (wasRunning) this.#failed(ticket, error);
    }
  }

  #failed(ticket: Ticket, error: unknown): void {
    if (this.#isSettled || this.#running.size + this.#choosing > 0) return;
    if (error instanceof AttemptFailure && this.#mayRepeat(error.kind) && this.#take(error.kind)) {
      this.#context.events.onRetry?.(ticket.server, error.kind);
      this.#failure = error;
      this.#startAnother();
    } else {
      this.#settle(() => this.#result.reject(error));
    }
  }

  /** The server was found ill by others: no use in waiting for our own time limit. */
  #serverLost(attempt: Attempt): void {
    if (this.#isSettled || !this.#options.repeatable || this.#choosing > 0) return;
    if (this.#running.size > 1) return;
    if (!this.#take()) return;
    this.#running.delete(attempt);
    attempt.controller.abort();
    attempt.ticket.release();
    this.#context.events.onRetry?.(attempt.ticket.server, "lost");
    const words = `${attempt.ticket.server.id} was found ill while it was waited for`;
    this.#failure = new AttemptFailure("timeout", words);
    this.#startAnother();
  }

  #armHedge(): void {
    const { hedgeAfterMs, repeatable } = this.#options;
    if (hedgeAfterMs === undefined || !repeatable) return;
    this.#cancelHedge = this.#context.clock.after(hedgeAfterMs, () => {
      const [slow] = this.#running;
      if (this.#isSettled || slow === undefined || this.#choosing > 0 || !this.#take()) return;
      this.#context.events.onHedge?.(slow.ticket.server);
      this.#startAnother();
    });
  }

  /** Where no server is to be had for a further attempt, the caller learns what failed before. */
  #startAnother(): void {
    this.#choosing++;
    this.#acquire().then(
      (ticket) => {
        this.#choosing--;
        this.#start(ticket);
      },
      (error: unknown) => {
        this.#choosing--;
        if (this.#running.size > 0) return;
        this.#settle(() => this.#result.reject(this.#failure ?? error));
      },
    );
  }

  /** Elsewhere if possible; back to a server that failed us only where there is no other. */
  async #acquire(): Promise<Ticket> {
    const { pool } = this.#context;
    const options = this.#options;
    this.#attempts++;
    if (this.#tried.length === 0) return pool.acquire(options);
    try {
      const exclude = [...(options.exclude ?? []), ...this.#tried];
      return await pool.acquire({ ...options, exclude });
    } catch (error) {
      if (!(error instanceof BalancerError && error.code === "no_healthy_servers")) throw error;
      return pool.acquire(options);
    }
  }

  #mayRepeat(kind: FailureKind): boolean {
    return this.#options.repeatable || kind === "unreachable" || kind === "rate_limited";
  }

  /** The budget is there to spare the servers: what no server has had yet is not charged to it. */
  #take(kind?: FailureKind): boolean {
    const { budget, clock, maxAttempts, events } = this.#context;
    if (this.#attempts >= maxAttempts) return false;
    if (kind === "unreachable" || budget.take(clock.now())) return true;
    events.onBudgetSpent?.();
    return false;
  }

  #settle(tell: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#cancelHedge?.();
    for (const attempt of this.#running) {
      attempt.ticket.onServerLost = undefined;
      attempt.controller.abort();
      attempt.ticket.release();
    }
    this.#running.clear();
    tell();
  }
}
