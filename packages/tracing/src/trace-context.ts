/** What a trace is known by from one process to the next (W3C Trace Context). */
export type TraceContext = {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them: the span that what comes next belongs under. */
  readonly spanId: string;
  readonly isSampled: boolean;
};

const pattern = /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})/;

/** @returns undefined for a header that is not there or not well-formed: then a trace begins anew */
export function parseTraceparent(header: string | null | undefined): TraceContext | undefined {
  if (header == null) return undefined;
  const [, traceId, spanId, flags] = pattern.exec(header) ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  // Version 00 has nothing behind its flags; later ones may.
  if (header.startsWith("00") && header.length !== 55) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
