export type TimeLimits = {
  /** From the request to the first token (of reasoning too). */
  firstTokenMs: number;
  /** From one token to the next. */
  nextTokenMs: number;
  /** From the request to the end of the answer. */
  wholeMs: number;
};

export type Silence = "first_token" | "next_token" | "whole";

/**
 * Calls `onSilence` once when a model takes longer than it may. A token costs one look at the clock
 * and no timer: the one timer finds out when it fires how far the deadline has moved meanwhile.
 */
export class SilenceWatch {
  readonly #limits: TimeLimits;
  readonly #onSilence: (silence: Silence) => void;
  readonly #startedMs = performance.now();
  #lastTokenMs: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limits: TimeLimits, onSilence: (silence: Silence) => void) {
    this.#limits = limits;
    this.#onSilence = onSilence;
    this.#wait(Math.min(limits.firstTokenMs, limits.wholeMs));
  }

  /** The model said something. */
  token(): void {
    const isFirst = this.#lastTokenMs === undefined;
    this.#lastTokenMs = performance.now();
    // The timer was set for the limit to the first token, which is longer as a rule.
    if (isFirst && this.#timer !== undefined) {
      this.stop();
      this.#check();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const now = performance.now();
    const silence: Silence = this.#lastTokenMs === undefined ? "first_token" : "next_token";
    const limitMs =
      this.#lastTokenMs === undefined ? this.#limits.firstTokenMs : this.#limits.nextTokenMs;
    const tokenLeftMs = (this.#lastTokenMs ?? this.#startedMs) + limitMs - now;
    const wholeLeftMs = this.#startedMs + this.#limits.wholeMs - now;
    if (wholeLeftMs <= 0) this.#onSilence("whole");
    else if (tokenLeftMs <= 0) this.#onSilence(silence);
    else this.#wait(Math.min(tokenLeftMs, wholeLeftMs));
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#check();
    }, Math.ceil(ms));
  }
}
