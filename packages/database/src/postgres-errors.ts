import { SQL } from "bun";
import { DatabaseError, DatabaseUnavailableError } from "./errors.ts";

/** A row would have broken a constraint. Queries turn the ones they expect into results. */
export class ConstraintViolation extends DatabaseError {
  override readonly name = "ConstraintViolation";
  readonly constraint: string;

  constructor(statement: string, constraint: string, cause: unknown) {
    super("unexpected", `${statement} broke the constraint ${constraint}`, { cause });
    this.constraint = constraint;
  }
}

/** The connection broke while the statement was on its way: it may have been carried out. */
export class ConnectionLostError extends DatabaseUnavailableError {}

/** Postgres rolled the statement back because of another one; sent again it can succeed. */
export function isRolledBackByConflict(error: DatabaseError): boolean {
  const state = sqlState(error.cause);
  return state === "40P01" || state === "40001";
}

/** Turns what the driver threw into this package's errors. */
export function mapPostgresError(statement: string, cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const state = sqlState(cause);
  if (state === undefined) {
    return cause instanceof SQL.PostgresError
      ? new ConnectionLostError(`no connection to Postgres: ${reason(cause)}`, { cause })
      : new DatabaseError("unexpected", `${statement} failed before it was sent`, { cause });
  }
  if (state === "22021" || state === "22P05") {
    return new DatabaseError("invalid_text", "a text holds U+0000", { cause });
  }
  if (state === "25006") {
    return new DatabaseError("read_only", "Postgres accepts no writes: it is read-only", { cause });
  }
  if (state === "57014") {
    return new DatabaseError("statement_timeout", `${statement} took too long`, { cause });
  }
  if (state === "55P03") {
    return new DatabaseError("statement_timeout", `${statement} waited too long for a lock`, {
      cause,
    });
  }
  if (state === "42501") {
    return new DatabaseError("not_permitted", `${statement}: the database's role lacks a right`, {
      cause,
    });
  }
  if (isViolation(state)) {
    return new ConstraintViolation(statement, (cause as SQL.PostgresError).constraint ?? "", cause);
  }
  const why = unavailable[state] ?? unavailable[state.slice(0, 2)];
  if (why === undefined) {
    return new DatabaseError("unexpected", `${statement} failed with SQLSTATE ${state}`, { cause });
  }
  return state.startsWith("57P")
    ? new ConnectionLostError(`Postgres ${why}`, { cause })
    : new DatabaseUnavailableError(`Postgres ${why}`, { cause });
}

/** By SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const unavailable: Record<string, string> = {
  "08": "broke the connection",
  "28": "refused the user or the password",
  "3D000": "has no database of this name",
  "53": "is out of room",
  "53100": "has no disk space left",
  "53200": "has no memory left",
  "53300": "accepts no more connections",
  "57P01": "is shutting down, or an administrator ended the connection",
  "57P02": "is recovering from a crash",
  "57P03": "is starting up or shutting down",
  "58": "met an error of the operating system",
};

function isViolation(state: string): boolean {
  return state.startsWith("23");
}

/** The SQLSTATE that Postgres sent; undefined where the driver itself failed. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof SQL.PostgresError)) return undefined;
  return typeof error.errno === "string" && error.errno.length === 5 ? error.errno : undefined;
}

function reason(error: SQL.PostgresError): string {
  return error.code
    .replace(/^ERR_POSTGRES_/, "")
    .toLowerCase()
    .replaceAll("_", " ");
}
