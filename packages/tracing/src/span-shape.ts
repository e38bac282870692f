export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Which side of a call a span is: of one inside, one that was taken, one that was made. */
export type SpanKind = "internal" | "server" | "client";

/**
 * What all spans of one sort have in common. Best made once for each route, statement or whatever
 * they tell of, since it is encoded once for as long as it lives; a span adds what is its own.
 */
export type SpanShape = {
  readonly name: string;
  /** Without it, "internal". */
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
};
