import { AsyncLocalStorage } from "node:async_hooks";
import { RandomIds } from "./random-ids.ts";
import { randomnessOf, type Sampler } from "./sampler.ts";
import { type FinishedSpan, Span } from "./span.ts";
import type { Attributes, SpanShape } from "./span-shape.ts";
import type { TraceContext } from "./trace-context.ts";

type Options = {
  sampler: Sampler;
  /** Takes spans as they end. Must neither wait nor throw. */
  onEnd: (span: FinishedSpan) => void;
  /**
   * Whether others come after this process that follow what it decides: then a trace that begins
   * here and is not kept is passed on as such, or each of them would draw anew.
   */
  standsFirst?: boolean;
};

const traceIdBytes = 16;
const spanIdBytes = 8;
/** Asked for once: to read it costs as much as to read the clock. */
const originMs = performance.timeOrigin;

/**
 * Makes spans, and knows under which one the work at hand is done: that goes with its asynchronous
 * context. Outside of a trace that is kept nothing is made, and to ask costs a look at the context.
 */
export class Tracer {
  readonly #current = new AsyncLocalStorage<TraceContext>();
  readonly #ids = new RandomIds();
  readonly #sampler: Sampler;
  readonly #onEnd: (span: FinishedSpan) => void;
  readonly #standsFirst: boolean;

  constructor({ sampler, onEnd, standsFirst = false }: Options) {
    this.#sampler = sampler;
    this.#standsFirst = standsFirst;
    this.#onEnd = onEnd;
  }

  /** What the work at hand belongs under; undefined outside of a trace. */
  get current(): TraceContext | undefined {
    return this.#current.getStore();
  }

  /**
   * Begins what comes from outside.
   *
   * @param parent what the caller says; without it a trace begins
   * @param describe asked where the trace is kept
   * @returns the span, or where the trace is not kept what is to be passed on of it, if anything
   */
  begin(
    parent: TraceContext | undefined,
    describe: () => SpanShape,
  ): Span | TraceContext | undefined {
    if (parent) {
      if (!this.#sampler(randomnessOf(parent.traceId), parent)) {
        return { ...parent, isSampled: false };
      }
      return this.#make(describe(), parent.traceId, parent.spanId, epochNow());
    }
    // Decided by the bytes: most traces are not kept, and need no text.
    const at = this.#ids.take(traceIdBytes);
    const isKept = this.#sampler(this.#ids.randomness(at), undefined);
    if (!isKept && !this.#standsFirst) return undefined;
    const traceId = this.#ids.text(at, traceIdBytes);
    if (!isKept) return { traceId, spanId: this.#spanId(), isSampled: false };
    return this.#make(describe(), traceId, undefined, epochNow());
  }

  /** A span under the work at hand; undefined where nothing is kept. */
  child(shape: SpanShape): Span | undefined {
    const parent = this.#current.getStore();
    if (!parent?.isSampled) return undefined;
    return this.#make(shape, parent.traceId, parent.spanId, epochNow());
  }

  /** Tells of something under the work at hand that has just ended. */
  ended(shape: SpanShape, tookMs: number, attributes: Attributes = {}, error?: string): void {
    const parent = this.#current.getStore();
    if (!parent?.isSampled) return;
    const span = this.#make(shape, parent.traceId, parent.spanId, epochNow() - tookMs);
    Object.assign(span.attributes, attributes);
    span.end(error);
  }

  /** Does work under a span. */
  under<T>(context: TraceContext, work: () => T): T {
    return this.#current.run(context, work);
  }

  #make(
    shape: SpanShape,
    traceId: string,
    parentSpanId: string | undefined,
    startMs: number,
  ): Span {
    const spanId = this.#spanId();
    return new Span({ traceId, spanId, parentSpanId, shape, startMs }, this.#onEnd, epochNow);
  }

  #spanId(): string {
    return this.#ids.text(this.#ids.take(spanIdBytes), spanIdBytes);
  }
}

/** Now, since 1970, finer than a millisecond. */
function epochNow(): number {
  return originMs + performance.now();
}
