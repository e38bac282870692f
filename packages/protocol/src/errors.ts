import { type Static, Type } from "@sinclair/typebox";

/**
 * Every error a client can meet: its HTTP status, and whether sending the same request again can
 * help. The code is part of the contract; the message is for people and may change.
 */
export const errorTable = {
  invalid_request: { status: 400, retryable: false },
  invalid_json: { status: 400, retryable: false },
  invalid_cursor: { status: 400, retryable: false },
  unauthenticated: { status: 401, retryable: false },
  invalid_credentials: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  bad_origin: { status: 403, retryable: false },
  signup_closed: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  email_taken: { status: 409, retryable: false },
  answer_running: { status: 409, retryable: true },
  not_last_answer: { status: 409, retryable: false },
  upload_incomplete: { status: 409, retryable: false },
  limit_reached: { status: 409, retryable: false },
  optimiser_running: { status: 409, retryable: true },
  last_server: { status: 409, retryable: true },
  advice_applied: { status: 409, retryable: false },
  payload_too_large: { status: 413, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  range_not_satisfiable: { status: 416, retryable: false },
  unreadable_file: { status: 422, retryable: false },
  too_many_attempts: { status: 429, retryable: true },
  header_too_large: { status: 431, retryable: false },
  rate_limited: { status: 429, retryable: true },
  internal: { status: 500, retryable: true },
  database_unavailable: { status: 503, retryable: true },
  balancer_unavailable: { status: 503, retryable: true },
  files_unavailable: { status: 503, retryable: true },
  files_full: { status: 507, retryable: true },
  overloaded: { status: 503, retryable: true },
  draining: { status: 503, retryable: true },
  model_unreachable: { status: 502, retryable: true },
  model_rejected: { status: 502, retryable: false },
  model_protocol: { status: 502, retryable: true },
  model_rate_limited: { status: 503, retryable: true },
  model_timeout: { status: 504, retryable: true },
  model_interrupted: { status: 502, retryable: true },
  interrupted: { status: 502, retryable: true },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

export type ErrorCode = keyof typeof errorTable;

/** The body of every response that is not a success. */
export const ErrorBody = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    field: Type.Optional(Type.String({ description: "The part of the request that is wrong." })),
  }),
});
export type ErrorBody = Static<typeof ErrorBody>;
