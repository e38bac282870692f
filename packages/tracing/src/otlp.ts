import type { AttributeValue, FinishedSpan, SpanKind } from "./span.ts";

const kinds: Record<SpanKind, number> = { internal: 1, server: 2, client: 3 };
const statusError = 2;
/** Longer values are cut: attributes are names and codes. */
const maxValueLength = 200;

/** The body of an OTLP/HTTP export in its JSON form. */
export function encodeSpans(
  spans: readonly FinishedSpan[],
  resource: Readonly<Record<string, string>>,
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "peregrine" }, spans: spans.map(encodeSpan) }],
      },
    ],
  });
}

function encodeSpan(span: FinishedSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId && { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(Math.max(span.startMs, span.endMs)),
    attributes: attributesOf(
      span.error ? { ...span.attributes, "error.type": span.error } : span.attributes,
    ),
    status: span.error ? { code: statusError } : {},
  };
}

function attributesOf(attributes: Readonly<Record<string, AttributeValue>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }));
}

/** Whole numbers are text in this form, since JSON's would lose their last digits. */
function encodeValue(value: AttributeValue): object {
  if (typeof value === "string") return { stringValue: value.slice(0, maxValueLength) };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** As text: more than a number holds. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, "0")}`;
}
