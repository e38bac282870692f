/** What callers of this package can meet, and whether sending the same again can help. */
const table = {
  /** Postgres cannot be reached, is starting or stopping, or out of room. */
  unavailable: { retryable: true },
  /** Postgres accepts no writes: a standby, or set so by an administrator. */
  read_only: { retryable: true },
  /** No connection became free within the pool's time limit. */
  pool_timeout: { retryable: true },
  /** Postgres ended a statement that took longer than its time limit. */
  statement_timeout: { retryable: true },
  /** The role of the database may not do this. */
  not_permitted: { retryable: false },
  /** A text holds U+0000 or half a surrogate pair, which Postgres cannot keep. */
  invalid_text: { retryable: false },
  /** A page was asked for with a cursor that no page gave out. */
  invalid_cursor: { retryable: false },
  /** The server is too old, or its data are of another version. */
  unsupported_version: { retryable: false },
  /** Postgres lacks an extension, or the role may not add it. */
  missing_extension: { retryable: false },
  /** Embedded Postgres could not be set up or started. */
  embedded_start: { retryable: false },
  /** Another process runs the embedded Postgres of this directory. */
  directory_in_use: { retryable: false },
  /** An error that the statement should not be able to cause: a defect of this package. */
  unexpected: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

export type DatabaseErrorCode = keyof typeof table;

/**
 * The one family of errors that leaves this package. Messages hold no SQL and no values of rows;
 * what Postgres or the driver said is the `cause`, for the log and never for a client.
 */
export class DatabaseError extends Error {
  override readonly name: string = "DatabaseError";
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return table[this.code].retryable;
  }
}

export class DatabaseUnavailableError extends DatabaseError {
  override readonly name = "DatabaseUnavailableError";

  constructor(message: string, options?: { cause?: unknown }) {
    super("unavailable", message, options);
  }
}

export class PoolTimeoutError extends DatabaseError {
  override readonly name = "PoolTimeoutError";

  constructor(waitedMs: number, connections: number, waiting: number) {
    super(
      "pool_timeout",
      `no database connection became free within ${waitedMs} ms: all ${connections} are busy and ${waiting} more statements wait`,
    );
  }
}

export class InvalidCursorError extends DatabaseError {
  override readonly name = "InvalidCursorError";

  constructor() {
    super("invalid_cursor", "the cursor is not one that a page of this list gave out");
  }
}
