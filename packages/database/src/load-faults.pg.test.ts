import { expect, test } from "bun:test";
import { SQL } from "bun";
import { type Database, openDatabase } from "./database.ts";
import { DatabaseError } from "./errors.ts";
import { newId } from "./ids.ts";
import { migrateDatabase } from "./migrate.ts";
import { query, until, useEmbedded } from "./testing/use-embedded.ts";

const fixture = useEmbedded();
const workers = 8;

/** Somebody who writes and reads without a pause, and knows what was acknowledged. */
class Load {
  readonly acknowledged: string[] = [];
  /** What was refused or cut off, by the error's code. */
  readonly failures = new Map<string, number>();
  readonly #database: Database;
  readonly #userId: string;
  readonly #work: Promise<void>[];
  #isOver = false;

  constructor(database: Database, userId: string) {
    this.#database = database;
    this.#userId = userId;
    this.#work = Array.from({ length: workers }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#work);
  }

  async #run(): Promise<void> {
    const userId = this.#userId;
    while (!this.#isOver) {
      const id = newId();
      try {
        await this.#database.conversations.create({ id, userId, title: null });
        this.acknowledged.push(id);
        const found = await this.#database.conversations.get(userId, id);
        if (!found) throw new Error(`${id} was acknowledged and is not there`);
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1);
        // As a client that was told to come again.
        await Bun.sleep(5);
      }
    }
  }
}

/** Puts a fault in the middle of load, waits until the load goes on by itself, and counts. */
async function underLoad(
  fault: (postgres: { pid: number; url: string }, load: Load) => Promise<void>,
): Promise<Load> {
  const postgres = await fixture.start();
  await migrateDatabase(postgres.url);
  const database = openDatabase({ url: postgres.url, poolSize: 4, maxOverflow: 2 });
  try {
    const userId = newId();
    const account = { email: "a@example.org", name: "Ada", passwordHash: "x", signupOpen: true };
    await database.users.create({ id: userId, ...account });
    const load = new Load(database, userId);
    const goesOn = (what: string) => {
      const from = load.acknowledged.length;
      return until(fixture, what, () => load.acknowledged.length >= from + 20 * workers);
    };
    await goesOn("load to begin with");
    await fault({ pid: Number(postgres.pid), url: postgres.url }, load);
    await goesOn("recovery by itself");
    await load.stop();
    expect(database.pool).toMatchObject({ active: 0, waiting: 0 });
    const rows = await query<{ id: string }>(postgres.url, "select id from conversations");
    const kept = new Set(rows.map(({ id }) => id));
    expect(load.acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    return load;
  } finally {
    await database.close();
    await postgres.stop();
  }
}

test.each(["SIGINT", "SIGKILL"] as const)(
  "Postgres ended by %s in the middle of load: nothing acknowledged is lost, and the load goes on by itself",
  async (signal) => {
    const load = await underLoad(async ({ pid }, { failures }) => {
      process.kill(pid, signal);
      await until(fixture, "a request to notice", () => failures.size > 0);
    });
    expect([...load.failures.keys()]).toEqual(["unavailable"]);
  },
  60_000,
);

test("backends killed again and again under load: nothing acknowledged is lost, nothing stays broken", async () => {
  const load = await underLoad(async ({ url }) => {
    const sql = new SQL({ url, max: 1 });
    for (let round = 0; round < 50; round++) {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'peregrine' order by random() limit 2`;
      await Bun.sleep(5);
    }
    await sql.close();
  });
  for (const code of load.failures.keys()) expect(code).toBe("unavailable");
}, 60_000);
