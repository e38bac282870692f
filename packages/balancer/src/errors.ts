/** Every error this package throws: its HTTP status, and whether the same request can work later. */
const balancerErrors = {
  no_healthy_servers: { status: 503, retryable: true },
  servers_cooling_down: { status: 503, retryable: true },
  queue_full: { status: 503, retryable: true },
  queue_timeout: { status: 503, retryable: true },
  pool_closed: { status: 503, retryable: true },
  model_not_offered: { status: 404, retryable: false },
  unknown_server: { status: 404, retryable: false },
  invalid_servers: { status: 400, retryable: false },
  invalid_options: { status: 400, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

export type BalancerErrorCode = keyof typeof balancerErrors;

/**
 * What went wrong with choosing a server. The message names the value at fault and what would be
 * right. Where waiting can help `retryAfterMs` says how long, and `retryAfterSeconds` the same ready
 * for a Retry-After header.
 */
export class BalancerError extends Error {
  override readonly name = "BalancerError";
  readonly code: BalancerErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: BalancerErrorCode, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.status = balancerErrors[code].status;
    this.retryable = balancerErrors[code].retryable;
    this.retryAfterMs = retryAfterMs;
    this.retryAfterSeconds = retryAfterMs === undefined ? undefined : wholeSeconds(retryAfterMs);
  }
}

/** Retry-After counts whole seconds; under 1 a client would hammer, over 60 it would give up. */
function wholeSeconds(ms: number): number {
  return Math.min(60, Math.max(1, Math.ceil(ms / 1000)));
}
