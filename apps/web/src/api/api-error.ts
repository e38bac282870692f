import type { ErrorBody, ErrorCode } from "@peregrine/protocol";

/** What the browser itself can run into, besides the server's own codes. */
export type ClientErrorCode = "network" | "bad_response";

/**
 * A request that did not succeed. `message` is written for people: the server's own where it gave
 * one. `status` is 0 where no answer came at all.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode | ClientErrorCode;
  readonly status: number;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode | ClientErrorCode,
    message: string,
    details: { status?: number; field?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? 0;
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether the same request may succeed later: no answer, overload, or a server's own failure. */
  get retryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static network(cause: unknown): ApiError {
    return new ApiError("network", "The server cannot be reached. Check your connection.", {
      cause,
    });
  }

  /** Reads the error body of a response; a body that is none of ours is described by its status. */
  static async from(response: Response): Promise<ApiError> {
    const retryAfterSeconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    const details = {
      status: response.status,
      ...(retryAfterSeconds >= 0 ? { retryAfterMs: retryAfterSeconds * 1000 } : {}),
    };
    try {
      const { error } = (await response.json()) as ErrorBody;
      return new ApiError(error.code as ErrorCode, error.message, {
        ...details,
        ...(error.field === undefined ? {} : { field: error.field }),
      });
    } catch (cause) {
      const message = `The server answered with status ${response.status}. Try again in a moment.`;
      return new ApiError("bad_response", message, { ...details, cause });
    }
  }
}

/** The words to show for anything thrown. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "Something went wrong on this page. Reload it and try again.";
}
