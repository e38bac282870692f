import { CacheError } from "../errors.ts";

export type BreakerState = "closed" | "open" | "half-open";

/**
 * Keeps requests from waiting for a Redis that does not answer.
 *
 * Closed, it lets calls through and counts failures in a row. After a few it opens: calls fail at
 * once. It then tries by itself, half open, after a pause that grows from a quarter of a second to
 * two, so that no request is spent on trying; when the probe succeeds it closes.
 */
export class Breaker {
  readonly #probe: () => Promise<unknown>;
  readonly #onChange: (state: BreakerState) => void;
  #state: BreakerState = "closed";
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: {
    probe: () => Promise<unknown>;
    onChange: (state: BreakerState) => void;
  }) {
    this.#probe = options.probe;
    this.#onChange = options.onChange;
  }

  get state(): BreakerState {
    return this.#state;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#state !== "closed") {
      throw new CacheError("REDIS_UNAVAILABLE", "Redis does not answer; it is left alone for now");
    }
    try {
      const result = await call();
      this.#failures = 0;
      return result;
    } catch (error) {
      this.#failures++;
      if (this.#failures >= MAX_FAILURES && this.#state === "closed") this.#open();
      throw error;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #open(): void {
    this.#become("open");
    this.#timer = setTimeout(() => {
      this.#become("half-open");
      this.#probe().then(
        () => {
          this.#failures = 0;
          this.#pauseMs = FIRST_PAUSE_MS;
          this.#become("closed");
        },
        () => this.#open(),
      );
    }, this.#pauseMs);
    this.#timer.unref?.();
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}

const MAX_FAILURES = 5;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 2000;
