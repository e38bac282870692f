export { type TracingConfig, tracingSettings } from "./settings.ts";
export { Span } from "./span.ts";
export type { SpanShape } from "./span-shape.ts";
export { startTracer } from "./start-tracer.ts";
export { formatTraceparent, parseTraceparent } from "./trace-context.ts";
export { Tracer } from "./tracer.ts";
