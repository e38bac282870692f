import type { Attributes, AttributeValue, SpanShape } from "./span-shape.ts";
import type { TraceContext } from "./trace-context.ts";

/** A span as it is exported. */
export type FinishedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly shape: SpanShape;
  /** Since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** Beside those of its shape. */
  readonly attributes: Attributes;
  /** What went wrong, as a code and never as a text with data in it. */
  readonly error: string | undefined;
};

type Begun = Pick<FinishedSpan, "traceId" | "spanId" | "parentSpanId" | "shape" | "startMs">;

/**
 * Something that takes time. It goes out when it ends, once; what is never ended never goes out.
 *
 * Attributes hold names, codes and counts. No text that a person wrote, no parameter of a statement
 * and no secret is to be put in.
 */
export class Span implements TraceContext, FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly shape: SpanShape;
  readonly startMs: number;
  readonly attributes: Record<string, AttributeValue> = {};
  readonly isSampled = true;
  endMs = Number.NaN;
  error: string | undefined = undefined;
  readonly #onEnd: (span: FinishedSpan) => void;
  readonly #now: () => number;

  constructor(begun: Begun, onEnd: (span: FinishedSpan) => void, now: () => number) {
    this.traceId = begun.traceId;
    this.spanId = begun.spanId;
    this.parentSpanId = begun.parentSpanId;
    this.shape = begun.shape;
    this.startMs = begun.startMs;
    this.#onEnd = onEnd;
    this.#now = now;
  }

  /** What is set after the end is left out: the span may be on its way. */
  set(name: string, value: AttributeValue): void {
    if (Number.isNaN(this.endMs)) this.attributes[name] = value;
  }

  /** @param error a code, where it failed */
  end(error?: string): void {
    if (!Number.isNaN(this.endMs)) return;
    this.endMs = this.#now();
    this.error = error;
    this.#onEnd(this);
  }
}
