import { encodeSpans } from "./otlp.ts";
import type { FinishedSpan } from "./span.ts";

type Options = {
  /** Where spans are posted to: the whole address, with `/v1/traces`. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** What every span is told to come from: `service.name` and the like. */
  resource: Readonly<Record<string, string>>;
  /** Told once when exporting begins to fail, and once it goes through again. */
  onStateChange?: (error: Error | undefined) => void;
  fetch?: typeof globalThis.fetch;
  everyMs?: number;
};

/** Spans that wait; those that come when all places are taken are dropped and counted. */
const maxWaiting = 2048;
const maxBatch = 512;
const exportMs = 10_000;
const maxPauseMs = 60_000;
/** A collector that says so will take them later; other refusals would only be repeated. */
const worthRepeating = new Set([429, 502, 503, 504]);

/**
 * Sends spans to a collector: OTLP over HTTP, as JSON, in batches, once every 5 s or when a batch is
 * full. Whoever ends a span only puts it in a list. A collector that is slow, away or refuses costs
 * nothing but 2,048 places and one try a minute; one export runs at a time.
 */
export class SpanExporter {
  readonly #options: Options;
  #waiting: FinishedSpan[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #exporting: Promise<void> | undefined;
  #pauseMs = 0;
  #failed = false;
  #isClosed = false;
  /** Since the start. */
  #exported = 0;
  #dropped = 0;
  #refused = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Since the start; `dropped` had no room, `refused` the collector did not want. */
  readonly figures = () => ({
    exported: this.#exported,
    dropped: this.#dropped,
    refused: this.#refused,
    waiting: this.#waiting.length,
  });

  readonly add = (span: FinishedSpan): void => {
    if (this.#isClosed || this.#waiting.length >= maxWaiting) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length === maxBatch && this.#pauseMs === 0) this.#schedule(0);
    else if (this.#timer === undefined) this.#schedule(this.#options.everyMs ?? 5_000);
  };

  /** Sends what is left, in one last try each, for 2 s at most. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const signal = AbortSignal.timeout(2_000);
    await this.#exporting;
    while (this.#waiting.length > 0 && !signal.aborted) {
      if (!(await this.#export(signal))) break;
    }
  }

  #schedule(inMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#exporting ??= this.#exportAll().finally(() => {
        this.#exporting = undefined;
        this.#timer = undefined;
        if (this.#waiting.length > 0 && !this.#isClosed) {
          this.#schedule(this.#pauseMs || (this.#options.everyMs ?? 5_000));
        }
      });
    }, inMs);
    this.#timer.unref?.();
  }

  async #exportAll(): Promise<void> {
    do {
      const went = await this.#export(AbortSignal.timeout(exportMs));
      if (!went) return;
    } while (this.#waiting.length >= maxBatch && !this.#isClosed);
  }

  /** Whether a batch is through, or will never be. */
  async #export(signal: AbortSignal): Promise<boolean> {
    const { url, headers, resource, fetch = globalThis.fetch } = this.#options;
    const batch = this.#waiting.slice(0, maxBatch);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: encodeSpans(batch, resource),
        redirect: "manual",
        signal,
      });
      await response.body?.cancel();
      if (worthRepeating.has(response.status)) throw new Error(`it answered ${response.status}`);
      this.#waiting.splice(0, batch.length);
      this.#pauseMs = 0;
      if (response.ok) {
        this.#exported += batch.length;
        this.#tell(undefined);
      } else {
        this.#refused += batch.length;
        this.#tell(new Error(`it answered ${response.status}`));
      }
      return true;
    } catch (error) {
      this.#pauseMs = Math.min(maxPauseMs, Math.max(1_000, 2 * this.#pauseMs));
      this.#tell(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  #tell(error: Error | undefined): void {
    if ((error !== undefined) === this.#failed) return;
    this.#failed = error !== undefined;
    this.#options.onStateChange?.(error);
  }
}
