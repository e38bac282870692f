/** Every failure this package raises by itself. `retryable`: the same call may succeed later. */
const TABLE = {
  BAD_KEY: { retryable: false },
  BAD_TAG: { retryable: false },
  BAD_TYPE: { retryable: false },
  BAD_OPTION: { retryable: false },
  BAD_PATTERN: { retryable: false },
  PATTERN_MATCHES_EVERYTHING: { retryable: false },
  NOT_ENCODABLE: { retryable: false },
  LOAD_TIMED_OUT: { retryable: true },
  REDIS_UNAVAILABLE: { retryable: true },
  TIMED_OUT: { retryable: true },
  CLOSED: { retryable: false },
} as const;

export type CacheErrorCode = keyof typeof TABLE;

export class CacheError extends Error {
  override readonly name = "CacheError";
  readonly code: CacheErrorCode;
  readonly retryable: boolean;

  constructor(code: CacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = TABLE[code].retryable;
  }
}

/** A value as an error message can show it: short, on one line. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}… (${text.length} characters)`;
}
