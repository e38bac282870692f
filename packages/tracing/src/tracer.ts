import { AsyncLocalStorage } from "node:async_hooks";
import type { Sampler } from "./sampler.ts";
import { type AttributeValue, type FinishedSpan, Span, type SpanKind } from "./span.ts";
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

export type SpanOptions = {
  kind?: SpanKind;
  attributes?: Record<string, AttributeValue>;
};

/**
 * Makes spans, and knows under which one the work at hand is done: that goes with its asynchronous
 * context. Outside of a trace that is kept nothing is made, and to ask costs a look at the context.
 */
export class Tracer {
  readonly #current = new AsyncLocalStorage<TraceContext>();
  readonly #sampler: Sampler;
  readonly #onEnd: (span: FinishedSpan) => void;
  readonly #standsFirst: boolean;
  /** Pseudorandom is enough: an id has to be unique, and guards nothing. */
  readonly #randomWords = new Uint32Array(256);
  #nextWord = 256;

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
    describe: () => SpanOptions & { name: string },
  ): Span | TraceContext | undefined {
    const traceId = parent?.traceId ?? this.#id(4);
    if (!this.#sampler(traceId, parent)) {
      if (parent) return { ...parent, isSampled: false };
      return this.#standsFirst ? { traceId, spanId: this.#id(2), isSampled: false } : undefined;
    }
    const { name, ...options } = describe();
    return this.#make(name, traceId, parent?.spanId, epochNow(), options);
  }

  /** A span under the work at hand; undefined where nothing is kept. */
  child(name: string, options: SpanOptions = {}): Span | undefined {
    const parent = this.#current.getStore();
    if (!parent?.isSampled) return undefined;
    return this.#make(name, parent.traceId, parent.spanId, epochNow(), options);
  }

  /** Tells of something under the work at hand that has just ended. */
  ended(name: string, tookMs: number, options: SpanOptions, error?: string): void {
    const parent = this.#current.getStore();
    if (!parent?.isSampled) return;
    const startMs = epochNow() - tookMs;
    this.#make(name, parent.traceId, parent.spanId, startMs, options).end(error);
  }

  /** Does work under a span. */
  under<T>(context: TraceContext, work: () => T): T {
    return this.#current.run(context, work);
  }

  #make(
    name: string,
    traceId: string,
    parentSpanId: string | undefined,
    startMs: number,
    { kind = "internal", attributes = {} }: SpanOptions,
  ): Span {
    const begun = { traceId, spanId: this.#id(2), parentSpanId, name, kind, startMs };
    return new Span(begun, attributes, this.#onEnd, epochNow);
  }

  /** Hexadecimal, 8 digits a word; drawn 256 words at a time, since a draw costs more than its bytes. */
  #id(words: 2 | 4): string {
    if (this.#nextWord + words > this.#randomWords.length) {
      crypto.getRandomValues(this.#randomWords);
      this.#nextWord = 0;
    }
    let id = "";
    for (let i = 0; i < words; i++) {
      id += (this.#randomWords[this.#nextWord++] as number).toString(16).padStart(8, "0");
    }
    return id;
  }
}

/** Now, since 1970, finer than a millisecond. */
function epochNow(): number {
  return performance.timeOrigin + performance.now();
}
