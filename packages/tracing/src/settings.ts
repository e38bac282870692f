import {
  type Config,
  namedValues,
  oneOf,
  optionalUrl,
  type Setting,
  setting,
  text,
} from "@peregrine/settings";
import { samplerNames } from "./sampler.ts";

/** The settings of traces, by the names that OpenTelemetry has for them: the same in each process. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: optionalUrl(["http", "https"], {
    about:
      "OpenTelemetry collector that gets [traces](tracing.md): OTLP over HTTP as JSON, at `/v1/traces` under this address, such as `http://127.0.0.1:4318`. Without it there are none.",
  }),
  OTEL_EXPORTER_OTLP_HEADERS: namedValues({
    about: "Headers that go with them, such as the collector's key.",
    secret: true,
  }),
  OTEL_SERVICE_NAME: text("peregrine", {
    about: "What traces name this service; the front door is it with `-edge` behind.",
  }),
  OTEL_RESOURCE_ATTRIBUTES: namedValues({
    about: "What traces say of it beside, such as `deployment.environment.name=production`.",
  }),
  OTEL_TRACES_SAMPLER: oneOf(samplerNames, "parentbased_always_on", {
    about: "Which traces are kept. Those that begin with `parentbased_` follow the caller.",
  }),
  OTEL_TRACES_SAMPLER_ARG: setting(
    "a number from 0 to 1",
    { about: "Share of the traces that `traceidratio` keeps." },
    1,
    (value) => (/^(0(\.\d+)?|1(\.0+)?)$/.test(value) ? Number(value) : undefined),
  ),
} satisfies Record<string, Setting<unknown>>;

export type TracingConfig = Config<typeof tracingSettings>;
