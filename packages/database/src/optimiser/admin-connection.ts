import { SQL } from "bun";
import { ConnectionLostError, mapPostgresError } from "../postgres-errors.ts";
import type { Parameter } from "../statement.ts";

/** Sends one statement on a connection that is known, and gives its rows. */
export type Query = <Row>(text: string, values?: Parameter[]) => Promise<Row[]>;

/**
 * One direct connection for work that takes long. It has no time limits of Postgres': a short
 * lock_timeout or statement_timeout would leave an invalid index behind as soon as any old
 * transaction is open, even on another table. Who uses it watches the work and ends it.
 *
 * A connection that broke stays broken: whatever the session held is gone, so that going on in a
 * new one in silence would be wrong.
 */
export class AdminConnection {
  readonly pid: number;
  readonly #sql: SQL;
  readonly #lost: { is: boolean };

  private constructor(sql: SQL, pid: number, lost: { is: boolean }) {
    this.#sql = sql;
    this.pid = pid;
    this.#lost = lost;
  }

  /** @throws DatabaseError unavailable */
  static async open(url: string): Promise<AdminConnection> {
    const lost = { is: false };
    const sql = new SQL({
      url,
      max: 1,
      prepare: false,
      idleTimeout: 0,
      maxLifetime: 0,
      connectionTimeout: 10,
      onclose: () => {
        lost.is = true;
      },
    });
    try {
      // Not as start-up parameters, which a pooler may refuse: this way they are set or it fails.
      await sql.unsafe(`set application_name = 'peregrine optimiser'; set lock_timeout = 0;
        set statement_timeout = 0; set idle_in_transaction_session_timeout = 0`);
      const [row] = await sql.unsafe("select pg_backend_pid() as pid");
      return new AdminConnection(sql, row.pid, lost);
    } catch (error) {
      await sql.close({ timeout: 0 });
      throw mapPostgresError("optimiser.connect", error);
    }
  }

  get isLost(): boolean {
    return this.#lost.is;
  }

  readonly query: Query = async <Row>(text: string, values: Parameter[] = []): Promise<Row[]> => {
    if (this.#lost.is) throw new ConnectionLostError("the optimiser's connection broke");
    try {
      // Without values Postgres is sent the text alone, as CONCURRENTLY and VACUUM ask for.
      const rows = values.length > 0 ? this.#sql.unsafe(text, values) : this.#sql.unsafe(text);
      return [...((await rows) as Row[])];
    } catch (error) {
      throw mapPostgresError("optimiser", error);
    }
  };

  /**
   * Runs what only looks in a transaction that is rolled back, with a time limit of its own.
   * @param access `read write` for temporary tables
   */
  async look<T>(
    work: (query: Query) => Promise<T>,
    options: { timeoutMs: number; access?: "read only" | "read write" },
  ): Promise<T> {
    await this.query(`begin ${options.access ?? "read only"}`);
    try {
      await this.query(`set local statement_timeout = ${Math.round(options.timeoutMs)}`);
      return await work(this.query);
    } finally {
      if (!this.#lost.is) await this.query("rollback");
    }
  }

  async close(): Promise<void> {
    await this.#sql.close({ timeout: 0 });
  }
}
