export { createSampler, samplerNames } from "./sampler.ts";
export { Span } from "./span.ts";
export { SpanExporter } from "./span-exporter.ts";
export type { SpanShape } from "./span-shape.ts";
export { formatTraceparent, parseTraceparent } from "./trace-context.ts";
export { Tracer } from "./tracer.ts";
