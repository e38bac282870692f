/**
 * One numbered line of the log of invalidations. Numbers are dense: the one after 7 is 8, and a
 * reader that sees a 9 has missed one.
 *
 * - `pending`: a write that touches these guards is about to commit.
 * - `bump`: it has ended, or its writer is gone. What was loaded before this is old.
 * - `pattern`: every key that matches the glob in `guards[0]` is old.
 */
export interface LogRecord {
  readonly seq: number;
  readonly kind: "pending" | "bump" | "pattern";
  /** The mutation it belongs to. */
  readonly id: string;
  /** The process that wrote it. */
  readonly node: string;
  readonly guards: readonly string[];
  /** Whether the writer waits to hear that it was read. */
  readonly wantsAck: boolean;
}

/** Where the log stands, as told to a process that joins. */
export interface LogSnapshot {
  /** Names one unbroken life of the log. Numbers of another epoch mean nothing. */
  readonly epoch: string;
  readonly seq: number;
  readonly pending: readonly { id: string; guards: readonly string[] }[];
  readonly patterns: readonly { glob: string; seq: number }[];
}
