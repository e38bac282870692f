import { SQL } from "bun";

/** Waits until a Postgres that was just started takes statements; throws what it says after 30 s. */
export async function untilReachable(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const sql = new SQL({ url, max: 1 });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await Bun.sleep(20);
    } finally {
      await sql.close({ timeout: 0 });
    }
  }
}
