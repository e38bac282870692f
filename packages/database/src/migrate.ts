import { fileURLToPath } from "node:url";
import { SQL } from "bun";
import { drizzle } from "drizzle-orm/bun-sql";
import { migrate } from "drizzle-orm/bun-sql/migrator";
import { DatabaseError } from "./errors.ts";
import { mapPostgresError } from "./postgres-errors.ts";

const migrationsFolder = fileURLToPath(new URL("../drizzle", import.meta.url));
const oldestVersion = 14;
/** Any number that nothing else in the database takes for an advisory lock. */
const lockKey = 7_340_921_655;

/**
 * Brings the database up to the newest schema: all missing migrations in one transaction, or none.
 * Many servers may do so at once; one at a time goes ahead and the others find nothing to do.
 *
 * @param url must lead to Postgres itself, since the lock belongs to a connection: a pooler in
 * transaction mode would spread it over several.
 * @throws DatabaseError unavailable; unsupported_version below Postgres 14.
 */
export async function migrateDatabase(url: string): Promise<void> {
  const sql = new SQL({ url, max: 1, connectionTimeout: 10 });
  try {
    const [version] = await sql`select current_setting('server_version_num')::int as number`;
    requireVersion(version.number);
    await sql`select pg_advisory_lock(${lockKey}::bigint)`;
    await migrate(drizzle({ client: sql }), { migrationsFolder });
  } catch (error) {
    throw mapPostgresError("migration", unwrap(error));
  } finally {
    // Ends the session, and with it the lock.
    await sql.close({ timeout: 0 });
  }
}

/** @param number as Postgres tells it: 180004 for 18.4, 90624 for 9.6.24. */
export function requireVersion(number: number): void {
  const major = Math.floor(number / 10_000);
  if (major >= oldestVersion) return;
  throw new DatabaseError(
    "unsupported_version",
    `the database is Postgres ${major}; Peregrine needs Postgres ${oldestVersion} or newer`,
  );
}

/** Drizzle wraps what the driver threw. */
function unwrap(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
