import type { TraceContext } from "./trace-context.ts";

export type AttributeValue = string | number | boolean;

/** Which side of a call a span is: of one inside, one that was taken, one that was made. */
export type SpanKind = "internal" | "server" | "client";

/** A span as it is exported. */
export type FinishedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** What went wrong, as a code and never as a text with data in it. */
  readonly error: string | undefined;
};

type Begun = Omit<FinishedSpan, "endMs" | "attributes" | "error">;

/**
 * Something that takes time. It goes out when it ends, once; what is never ended never goes out.
 *
 * Attributes hold names, codes and counts. No text that a person wrote, no parameter of a statement
 * and no secret is to be put in.
 */
export class Span implements TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled = true;
  readonly #begun: Begun;
  readonly #attributes: Record<string, AttributeValue>;
  readonly #onEnd: (span: FinishedSpan) => void;
  readonly #now: () => number;
  #hasEnded = false;

  constructor(
    begun: Begun,
    attributes: Record<string, AttributeValue>,
    onEnd: (span: FinishedSpan) => void,
    now: () => number,
  ) {
    this.traceId = begun.traceId;
    this.spanId = begun.spanId;
    this.#begun = begun;
    this.#attributes = attributes;
    this.#onEnd = onEnd;
    this.#now = now;
  }

  /** What is set after the end is left out: the span may be on its way. */
  set(name: string, value: AttributeValue): void {
    if (!this.#hasEnded) this.#attributes[name] = value;
  }

  /** @param error a code, where it failed */
  end(error?: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { traceId, spanId, parentSpanId, name, kind, startMs } = this.#begun;
    this.#onEnd({
      traceId,
      spanId,
      parentSpanId,
      name,
      kind,
      startMs,
      endMs: this.#now(),
      attributes: this.#attributes,
      error,
    });
  }
}
