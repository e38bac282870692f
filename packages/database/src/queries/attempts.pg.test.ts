import { expect, test } from "bun:test";
import { SQL } from "bun";
import { useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase();

test("counts all attempts at once, by key, within one window", async () => {
  const { attempts } = fixture.database;
  const counts = await Promise.all(Array.from({ length: 10 }, () => attempts.count("a", 60)));
  expect(counts.map(({ count }) => count).sort((a, b) => a - b)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ]);
  expect((await attempts.count("b", 60)).count).toBe(1);
  const { retryAfterSeconds } = await attempts.count("a", 60);
  expect(retryAfterSeconds).toBeGreaterThan(50);
  expect(retryAfterSeconds).toBeLessThanOrEqual(60);
});

test("a new window begins when the old one is over, and clearing forgets", async () => {
  const { attempts } = fixture.database;
  await attempts.count("c", 60);
  await attempts.count("d", 60);
  const sql = new SQL({ url: fixture.url, max: 1 });
  await sql`update attempts set window_ends_at = now() - interval '1 second' where key = 'c'`;
  expect(await attempts.count("c", 60)).toEqual({ count: 1, retryAfterSeconds: 60 });
  await attempts.clear(["c", "d"]);
  expect((await attempts.count("d", 60)).count).toBe(1);

  await sql`update attempts set window_ends_at = now() - interval '1 second' where key = 'd'`;
  await attempts.deleteExpired();
  const left = await sql`select key from attempts where key = 'd'`;
  await sql.close();
  expect(left).toHaveLength(0);
});
