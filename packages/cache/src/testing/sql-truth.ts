import postgres from "postgres";
import type { Witness } from "../log/witness.ts";

/** The data that the tests cache: numbered cells in a real Postgres, and the witness beside them. */
export function openTruth(url: string) {
  const sql = postgres(url, { max: 8, onnotice: () => {}, idle_timeout: 30 });
  const witness: Witness = {
    async detached() {
      const rows = await sql<{ node: string; silent: number }[]>`
        SELECT node, extract(epoch FROM clock_timestamp() - said_at)::float8 * 1000 AS silent
        FROM detached`;
      return rows.map(({ node, silent }) => ({ node, silentMs: silent }));
    },
    async enter(node) {
      await sql`INSERT INTO detached (node, said_at) VALUES (${node}, clock_timestamp())
        ON CONFLICT (node) DO UPDATE SET said_at = clock_timestamp()`;
    },
    async leave(node) {
      await sql`DELETE FROM detached WHERE node = ${node}`;
    },
  };
  return {
    witness,
    async create(cells: number) {
      await sql`CREATE TABLE IF NOT EXISTS cells (id int PRIMARY KEY, n int NOT NULL)`;
      await sql`CREATE TABLE IF NOT EXISTS detached (node text PRIMARY KEY, said_at timestamptz)`;
      await sql`INSERT INTO cells SELECT i, 0 FROM generate_series(0, ${cells - 1}) i
        ON CONFLICT DO NOTHING`;
    },
    async forgetDetached() {
      await sql`TRUNCATE detached`;
    },
    async read(id: number): Promise<number> {
      const [row] = await sql<{ n: number }[]>`SELECT n FROM cells WHERE id = ${id}`;
      return row?.n ?? -1;
    },
    async increment(id: number): Promise<number> {
      const [row] = await sql<{ n: number }[]>`
        UPDATE cells SET n = n + 1 WHERE id = ${id} RETURNING n`;
      return row?.n ?? -1;
    },
    close: () => sql.end({ timeout: 1 }),
  };
}

export type Truth = ReturnType<typeof openTruth>;
