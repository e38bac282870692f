import { SQL } from "bun";
import { DatabaseError, DatabaseUnavailableError, PoolTimeoutError } from "./errors.ts";
import {
  ConnectionLostError,
  isRolledBackByConflict,
  mapPostgresError,
} from "./postgres-errors.ts";
import type { Parameter, Statement } from "./statement.ts";

export type PoolOptions = {
  url: string;
  /** Connections that are kept open. */
  poolSize?: number;
  /** Connections that are opened on top while all others are held up, and closed when idle. */
  maxOverflow?: number;
  /**
   * How long a statement waits before one of those is opened for it. A statement runs in well under
   * a millisecond: one that waits for the 50 that are the default is behind slow ones.
   */
  overflowAfterMs?: number;
  /** How long a statement waits for a connection before it fails with PoolTimeoutError. */
  poolTimeoutMs?: number;
  /** The age at which a connection is replaced; 0 for never. */
  poolRecycleMs?: number;
  /** How long Postgres lets a statement run; 0 for no limit. */
  statementTimeoutMs?: number;
  /** How long Postgres lets a statement wait for a lock; 0 for as long as it may run. */
  lockTimeoutMs?: number;
  /** Named prepared statements. False behind PgBouncer in transaction mode. */
  prepare?: boolean;
  /** What `on.query` calls this pool. */
  target?: QueryInfo["target"];
  on?: {
    /** Called after each statement, also a failed one, once for each time it was sent. */
    query?: (info: QueryInfo) => void;
  };
};

export type QueryInfo = {
  /** The operation: "conversations.list". */
  name: string;
  /** From sending the statement to its last row. */
  durationMs: number;
  /** Before that, waiting for a connection. */
  waitMs: number;
  error?: DatabaseError;
  /** Which Postgres it was sent to. */
  target: "primary" | "replica";
};

export type PoolState = {
  /** Statements that are running, and so connections in use. */
  active: number;
  /** Statements that wait for a connection. */
  waiting: number;
  /** The most statements that can run at once. */
  size: number;
};

const overflowIdleSeconds = 10;
const connectionTimeoutSeconds = 10;

type Waiter = { since: number; start: (client: SQL) => void; fail: (error: Error) => void };

/**
 * Runs statements on at most `poolSize + maxOverflow` connections, one statement a connection.
 *
 * Bun's own pool has no bound on its queue and no time limit for waiting, and would send a
 * statement behind a slow one on the same connection. So statements queue here, first come first
 * served, and are handed to Bun only when a connection is free. The overflow is a second pool, used
 * by statements that waited for 50 ms: a burst of short ones never opens it.
 *
 * Connections that broke are replaced by Bun. A statement that only reads is sent once more when
 * its connection broke, one that Postgres rolled back as the victim of a deadlock twice more.
 */
export class Pool {
  readonly #core: SQL;
  readonly #overflow: SQL | undefined;
  readonly #coreSize: number;
  readonly #overflowSize: number;
  readonly #overflowAfterMs: number;
  readonly #timeoutMs: number;
  readonly #target: QueryInfo["target"];
  readonly #onQuery: ((info: QueryInfo) => void) | undefined;
  readonly #queue: Waiter[] = [];
  #coreActive = 0;
  #overflowActive = 0;
  #timer: Timer | undefined;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#coreSize = options.poolSize ?? 20;
    this.#overflowSize = options.maxOverflow ?? 30;
    this.#overflowAfterMs = options.overflowAfterMs ?? 50;
    this.#timeoutMs = options.poolTimeoutMs ?? 30_000;
    this.#target = options.target ?? "primary";
    this.#onQuery = options.on?.query;
    const prepare = options.prepare ?? true;
    const connection: Record<string, string | number> = { application_name: "peregrine" };
    // A pooler in transaction mode refuses start-up parameters that it does not know.
    if (prepare) {
      connection.statement_timeout = options.statementTimeoutMs ?? 30_000;
      connection.lock_timeout = options.lockTimeoutMs ?? 10_000;
      // No statement here leaves a transaction open: should one, it holds nobody up for long.
      connection.idle_in_transaction_session_timeout = 10_000;
      // Planned once a connection. Left to choose, Postgres plans asking and reading a page anew
      // each time, which is half of what they cost: 1.5 ms against 0.8, and 0.8 against 0.4.
      connection.plan_cache_mode = "force_generic_plan";
    }
    const shared = {
      url: options.url,
      prepare,
      connection,
      connectionTimeout: connectionTimeoutSeconds,
      maxLifetime: Math.ceil((options.poolRecycleMs ?? 0) / 1000),
    };
    this.#core = new SQL({ ...shared, max: this.#coreSize });
    if (this.#overflowSize > 0) {
      this.#overflow = new SQL({
        ...shared,
        max: this.#overflowSize,
        idleTimeout: overflowIdleSeconds,
      });
    }
  }

  get state(): PoolState {
    return {
      active: this.#coreActive + this.#overflowActive,
      waiting: this.#queue.length,
      size: this.#coreSize + this.#overflowSize,
    };
  }

  async run<Args extends Record<string, Parameter>, Row>(
    statement: Statement<Args, Row>,
    args: Args,
  ): Promise<Row[]> {
    const values = statement.parameters.map((name) => sendable(args[name] ?? null));
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send<Row>(statement.name, statement.text, values);
      } catch (error) {
        if (!(error instanceof DatabaseError) || attempt > 2) throw error;
        const again = isRolledBackByConflict(error) || this.#lostRead(statement, error, attempt);
        if (!again) throw error;
      }
    }
  }

  /**
   * Lets running statements end, then closes the connections. Statements that wait or come later
   * fail. After `timeoutMs` running ones are cut off.
   */
  close(timeoutMs = 5_000): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    clearTimeout(this.#timer);
    for (const waiter of this.#queue.splice(0)) waiter.fail(closedError());
    if (this.state.active > 0) {
      const drained = new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
      let timer: Timer | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([drained, late]);
      clearTimeout(timer);
    }
    await Promise.all([this.#core.close({ timeout: 0 }), this.#overflow?.close({ timeout: 0 })]);
  }

  #lostRead(statement: Statement<unknown, unknown>, error: DatabaseError, attempt: number) {
    return statement.readOnly && attempt === 1 && error instanceof ConnectionLostError;
  }

  async #send<Row>(name: string, text: string, values: Parameter[]): Promise<Row[]> {
    const queuedAt = performance.now();
    const client = this.#tryTake() ?? (await this.#wait(queuedAt));
    const startedAt = performance.now();
    let failure: DatabaseError | undefined;
    try {
      // Bun gives an array of rows with extra fields; nothing outside needs those.
      return (await client.unsafe(text, values)) as Row[];
    } catch (error) {
      failure = mapPostgresError(name, error);
      throw failure;
    } finally {
      this.#release(client);
      this.#onQuery?.({
        name,
        durationMs: performance.now() - startedAt,
        waitMs: startedAt - queuedAt,
        target: this.#target,
        ...(failure && { error: failure }),
      });
    }
  }

  #tryTake(): SQL | undefined {
    if (this.#closing) throw closedError();
    if (this.#queue.length > 0 || this.#coreActive >= this.#coreSize) return undefined;
    this.#coreActive++;
    return this.#core;
  }

  #wait(since: number): Promise<SQL> {
    return new Promise((start, fail) => {
      this.#queue.push({ since, start, fail });
      this.#schedule();
    });
  }

  #release(client: SQL): void {
    const isCore = client === this.#core;
    const next = this.#closing ? undefined : this.#queue.shift();
    if (next) {
      next.start(client);
      return;
    }
    if (isCore) this.#coreActive--;
    else this.#overflowActive--;
    if (this.state.active === 0) this.#drained?.();
  }

  /** Looks after the queue for as long as there is one. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#queue.length === 0) return;
    const everyMs = Math.min(this.#overflowAfterMs, this.#timeoutMs);
    this.#timer = setTimeout(() => this.#serveLate(), everyMs);
  }

  /** Gives overflow connections to those who waited for one, and fails those who waited too long. */
  #serveLate(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      const waitedMs = now - head.since;
      if (
        this.#overflow &&
        this.#overflowActive < this.#overflowSize &&
        waitedMs >= this.#overflowAfterMs
      ) {
        this.#overflowActive++;
        this.#queue.shift();
        head.start(this.#overflow);
      } else if (waitedMs >= this.#timeoutMs) {
        this.#queue.shift();
        const size = this.#coreSize + this.#overflowSize;
        head.fail(new PoolTimeoutError(this.#timeoutMs, size, this.#queue.length));
      } else break;
    }
    this.#schedule();
  }
}

/** The driver would turn half a surrogate pair into U+FFFD without a word. */
function sendable(value: Parameter): Parameter {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new DatabaseError("invalid_text", "a text holds half a surrogate pair");
  }
  return value;
}

function closedError(): DatabaseUnavailableError {
  return new DatabaseUnavailableError("the database was closed");
}
