/**
 * A moving average of the time to the first byte that believes bad news at once and good news
 * slowly: a slower answer than the average takes its place, faster ones pull it down over
 * `decayMs`. Unused it sinks towards 0, so that a server that was slow is tried again some day.
 */
export class PeakLatency {
  readonly #decayMs: number;
  #valueMs = 0;
  #atMs = 0;

  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  observe(latencyMs: number, now: number): void {
    const current = this.estimateMs(now);
    if (latencyMs >= current) {
      this.#valueMs = latencyMs;
    } else {
      const share = Math.exp((this.#atMs - now) / this.#decayMs);
      this.#valueMs = this.#valueMs * share + latencyMs * (1 - share);
    }
    this.#atMs = now;
  }

  /** For a request that was given up on: it would have taken at least this long. */
  observeAtLeast(latencyMs: number, now: number): void {
    if (latencyMs > this.estimateMs(now)) this.observe(latencyMs, now);
  }

  estimateMs(now: number): number {
    if (now <= this.#atMs) return this.#valueMs;
    return this.#valueMs * Math.exp((this.#atMs - now) / this.#decayMs);
  }

  /** Starts from a guess, for a server of which nothing is known: the others' latency. */
  assume(latencyMs: number, now: number): void {
    this.#valueMs = latencyMs;
    this.#atMs = now;
  }
}

/** Fewer samples than this are kept however old they are, or a quiet server would have none. */
const keptSamples = 10;

/**
 * The typical time to the first byte of late: a geometric mean in which each halving makes older
 * answers count half. One answer of ten times the usual moves it little, as it should.
 */
export class TypicalLatency {
  #samples = 0;
  #logSum = 0;

  observe(latencyMs: number): void {
    this.#samples++;
    this.#logSum += Math.log2(Math.max(latencyMs, 0.1));
  }

  halve(): void {
    if (this.#samples < keptSamples) return;
    this.#samples /= 2;
    this.#logSum /= 2;
  }

  forget(): void {
    this.#samples = 0;
    this.#logSum = 0;
  }

  /** Nothing while fewer answers than `minSamples` are known. */
  typicalMs(minSamples: number): number | undefined {
    return this.#samples < minSamples ? undefined : 2 ** (this.#logSum / this.#samples);
  }
}
