/** What callers of this package can meet, and whether trying again can help. */
const table = {
  /** The store or the network does not answer, or fails. */
  unavailable: { retryable: true },
  /** It asks us to slow down. */
  throttled: { retryable: true },
  /** No room is left. */
  full: { retryable: true },
  /** Our key or its rights are not enough. */
  denied: { retryable: false },
  /** The bucket, distribution or zone of the settings does not exist, or the request is wrong. */
  misconfigured: { retryable: false },
  /** The caller's signal ended it. */
  aborted: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

export type CdnErrorCode = keyof typeof table;

/** A store or a network failed. The message may name hosts and buckets: for the log alone. */
export class CdnError extends Error {
  override readonly name: string = "CdnError";
  readonly code: CdnErrorCode;

  constructor(code: CdnErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return table[this.code].retryable;
  }
}

/** What an HTTP status of a store's or a network's API means. */
export function codeOfStatus(status: number): CdnErrorCode {
  if (status === 429) return "throttled";
  if (status === 401 || status === 403) return "denied";
  if (status === 507) return "full";
  return status >= 500 || status === 408 ? "unavailable" : "misconfigured";
}
