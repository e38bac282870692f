import { createSampler } from "./sampler.ts";
import type { TracingConfig } from "./settings.ts";
import { SpanExporter } from "./span-exporter.ts";
import { Tracer } from "./tracer.ts";

type Options = {
  readonly version: string;
  /** Behind the service's name, for a part of it that runs by itself. */
  readonly suffix?: string;
  /** Which one of several it is. */
  readonly instance?: string | undefined;
  /** See `Tracer`. */
  readonly standsFirst?: boolean;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
};

/** A tracer by these settings, and what exports its spans. Undefined without a collector. */
export function startTracer(
  config: TracingConfig,
  { version, suffix = "", instance, standsFirst = false, log }: Options,
): { readonly tracer: Tracer; readonly exporter: SpanExporter } | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = config;
  if (endpoint === undefined) return undefined;
  const exporter = new SpanExporter({
    url: `${endpoint}/v1/traces`,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS,
    resource: {
      ...config.OTEL_RESOURCE_ATTRIBUTES,
      "service.name": config.OTEL_SERVICE_NAME + suffix,
      "service.version": version,
      ...(instance !== undefined && { "service.instance.id": instance }),
    },
    onStateChange: (err) =>
      err
        ? log.warn({ err, endpoint }, "traces cannot be sent, trying again")
        : log.info({ endpoint }, "traces are sent again"),
  });
  const tracer = new Tracer({
    sampler: createSampler(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    onEnd: exporter.add,
    standsFirst,
  });
  return { tracer, exporter };
}
