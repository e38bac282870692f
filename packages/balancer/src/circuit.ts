/**
 * - `closed`: requests flow.
 * - `open`: none until `openUntilMs`.
 * - `trial`: the time is over, and one proof that the server works closes the circuit: a good probe
 *   where there are probes, else one live request at a time.
 */
export type CircuitState = "closed" | "open" | "trial";

export interface CircuitOptions {
  /** How long the first opening lasts; each further one lasts twice as long. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** After this long closed, the next opening counts as a first one again. */
  readonly forgetMs: number;
}

/** The breaker of one server: what opens it is for others to say, how long is known here. */
export class Circuit {
  readonly #options: CircuitOptions;
  readonly #random: () => number;
  #openings = 0;
  #closedAtMs = 0;
  #openUntilMs: number | undefined;

  constructor(options: CircuitOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  state(now: number): CircuitState {
    if (this.#openUntilMs === undefined) return "closed";
    return now < this.#openUntilMs ? "open" : "trial";
  }

  /** When the trial begins or began; nothing while closed. */
  get openUntilMs(): number | undefined {
    return this.#openUntilMs;
  }

  /** Opens for a growing while, up to a tenth longer so that many do not come back together. */
  open(now: number): number {
    const { baseMs, maxMs, forgetMs } = this.#options;
    if (this.#openUntilMs === undefined && now - this.#closedAtMs > forgetMs) this.#openings = 0;
    const forMs = Math.min(maxMs, baseMs * 2 ** Math.min(this.#openings, 30));
    this.#openings++;
    this.#openUntilMs = now + forMs * (1 + 0.1 * this.#random());
    return this.#openUntilMs - now;
  }

  close(now: number): void {
    this.#openUntilMs = undefined;
    this.#closedAtMs = now;
  }
}
