import { type ErrorBody, type ErrorCode, errorTable } from "@peregrine/protocol";

type Options = {
  /** The part of the request that is wrong. */
  field?: string;
  retryAfterSeconds?: number;
  /** What the status asks for beside it. */
  headers?: Record<string, string>;
  cause?: unknown;
};

/** An error that a client is told about. Its message must hold nothing from inside. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly #headers: Record<string, string>;

  constructor(code: ErrorCode, message: string, options: Options = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.#headers = options.headers ?? {};
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  toResponse(): Response {
    const body: ErrorBody = {
      error: {
        code: this.code,
        message: this.message,
        ...(this.field === undefined ? {} : { field: this.field }),
      },
    };
    const headers = new Headers({ ...this.#headers, "cache-control": "no-store" });
    if (this.retryAfterSeconds !== undefined) {
      headers.set("retry-after", String(Math.ceil(this.retryAfterSeconds)));
    }
    return Response.json(body, { status: this.status, headers });
  }
}

export function notFound(what: string): ApiError {
  return new ApiError("not_found", `There is no such ${what}.`);
}
