import { formatTraceparent, parseTraceparent, Span, type Tracer } from "@peregrine/tracing";
import type { RequestHead } from "../http/request-head.ts";

/** Others are named together: a method can be any word. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

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
    const context = this.#tracer.begin(parseTraceparent(head.traceparent), () => {
      const method = knownMethods.has(head.method) ? head.method : "_OTHER";
      return {
        name: method === "_OTHER" ? "HTTP" : method,
        kind: "server",
        attributes: { "http.request.method": method },
      };
    });
    if (context === undefined) return { head, span: undefined };
    return {
      head: { ...head, traceparent: formatTraceparent(context) },
      span: context instanceof Span ? context : undefined,
    };
  }
}
