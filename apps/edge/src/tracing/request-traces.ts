import {
  formatTraceparent,
  parseTraceparent,
  Span,
  type SpanShape,
  type Tracer,
} from "@peregrine/tracing";
import type { RequestHead } from "../http/request-head.ts";

const shapeOf = (method: string, name = method): SpanShape => ({
  name,
  kind: "server",
  attributes: { "http.request.method": method },
});
const shapes = new Map(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((method) => [
    method,
    shapeOf(method),
  ]),
);
/** Others are named together: a method can be any word. */
const otherShape = shapeOf("_OTHER", "HTTP");

/**
 * A span for each request, from its head to the end of its answer. The server that the request is
 * passed on to hangs its own beneath it. Says nothing of the request but its method: a path may name
 * what a person has, and its query a key.
 */
export class RequestTraces {
  readonly #tracer: Tracer;

  /** @param tracer that tells others of traces that it does not keep */
  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** @returns the head as it is passed on, and the span where the trace is kept */
  begin(head: RequestHead): { head: RequestHead; span: Span | undefined } {
    const parent = parseTraceparent(head.traceparent);
    const context = this.#tracer.begin(parent, () => shapes.get(head.method) ?? otherShape);
    if (context === undefined) return { head, span: undefined };
    return {
      head: { ...head, traceparent: formatTraceparent(context) },
      span: context instanceof Span ? context : undefined,
    };
  }
}
