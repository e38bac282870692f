type Options = {
  everyMs: number;
  /** Told what made a round fail. The next comes at its time. */
  onError: (error: unknown) => void;
};

/**
 * Work that is done in the background again and again: every so often and when it is woken, never
 * twice at the same time, until it is stopped.
 */
export class Recurring {
  readonly #work: (signal: AbortSignal) => Promise<void>;
  readonly #onError: Options["onError"];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopped = new AbortController();
  #round: Promise<void> | undefined;

  /** @param work is given `signal` */
  constructor(work: (signal: AbortSignal) => Promise<void>, { everyMs, onError }: Options) {
    this.#work = work;
    this.#onError = onError;
    this.#timer = setInterval(() => this.wake(), everyMs);
  }

  /** Aborted when it is stopped; what fails from then on is not told. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Begins a round now, unless one is on its way. */
  wake(): void {
    if (!this.signal.aborted) this.#round ??= this.#run();
  }

  /** Begins no further round, and waits for the end of one that is on its way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.#round;
  }

  async #run(): Promise<void> {
    try {
      await this.#work(this.signal);
    } catch (error) {
      if (!this.signal.aborted) this.#onError(error);
    } finally {
      this.#round = undefined;
    }
  }
}
