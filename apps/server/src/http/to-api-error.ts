import { CacheError } from "@peregrine/cache";
import { DatabaseError, type DatabaseErrorCode, InvalidCursorError } from "@peregrine/database";
import { NotFoundError, ParseError, ValidationError } from "elysia";
import { ModelError } from "../models/model-error.ts";
import { ApiError } from "./api-error.ts";

/** What a client is told of an error, whatever it is: never more than it may know. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ValidationError) return fromValidation(error);
  if (error instanceof NotFoundError) return new ApiError("not_found", "There is nothing here.");
  if (error instanceof ParseError) {
    // Elysia wraps what our own body parser throws.
    return error.cause instanceof ApiError
      ? error.cause
      : new ApiError("invalid_json", "The body could not be read.");
  }
  if (error instanceof DatabaseError) return fromDatabase(error);
  if (error instanceof CacheError) return fromCache(error);
  if (error instanceof ModelError) return new ApiError(error.code, error.message);
  return new ApiError("internal", "The server failed. It has been logged.");
}

const maxSummaryLength = 200;

function fromValidation(error: ValidationError): ApiError {
  const problem = error.all[0];
  const field = problem && "path" in problem ? problem.path.slice(1).replaceAll("/", ".") : "";
  // A path names a thing: with an id of the wrong form, there is no such thing.
  if (error.type === "params") return new ApiError("not_found", "There is nothing here.");
  const summary = problem && "summary" in problem ? problem.summary : undefined;
  return new ApiError(
    "invalid_request",
    // It may name the value, which may be as large as a body.
    summary?.slice(0, maxSummaryLength) ?? `The ${error.type} is not as it should be.`,
    field === "" ? {} : { field },
  );
}

function fromDatabase(error: DatabaseError): ApiError {
  if (error instanceof InvalidCursorError) {
    return new ApiError("invalid_cursor", "The cursor is not one that this list gave out.", {
      field: "cursor",
    });
  }
  const retry = { retryAfterSeconds: 2, cause: error };
  const known: Partial<Record<DatabaseErrorCode, ApiError>> = {
    unavailable: new ApiError("database_unavailable", "The database is not reachable.", retry),
    read_only: new ApiError("database_unavailable", "The database accepts no changes now.", retry),
    pool_timeout: new ApiError("database_unavailable", "The database is busy. Try again.", retry),
    statement_timeout: new ApiError("database_unavailable", "That took too long.", retry),
    invalid_text: new ApiError("invalid_request", "The text holds characters that cannot be kept."),
  };
  return known[error.code] ?? new ApiError("internal", "The server failed. It has been logged.");
}

function fromCache(error: CacheError): ApiError {
  if (error.code === "BAD_PATTERN" || error.code === "PATTERN_MATCHES_EVERYTHING") {
    return new ApiError("invalid_request", error.message, { field: "pattern" });
  }
  return error.retryable
    ? new ApiError("overloaded", "That took too long. Try again.", { cause: error })
    : new ApiError("internal", "The server failed. It has been logged.");
}
