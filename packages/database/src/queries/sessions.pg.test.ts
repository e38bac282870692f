import { expect, test } from "bun:test";
import { SQL } from "bun";
import { useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase();
const token = () => crypto.getRandomValues(new Uint8Array(32));
const inMs = (ms: number) => new Date(Date.now() + ms);

test("a session leads to its user until it is deleted", async () => {
  const { sessions } = fixture.database;
  const userId = await fixture.makeUser();
  const tokenHash = token();
  const expiresAt = inMs(60_000);
  await sessions.create({ tokenHash, userId, expiresAt });
  fixture.sent.length = 0;
  const found = await sessions.find(tokenHash);
  expect(fixture.sent).toHaveLength(1);
  expect(found?.user.id).toBe(userId);
  expect(found?.expiresAt).toBe(expiresAt.toISOString());
  expect(await sessions.delete(tokenHash)).toBe(true);
  expect(await sessions.delete(tokenHash)).toBe(false);
  expect(await sessions.find(tokenHash)).toBeNull();
});

test("an expired session is none, and is swept", async () => {
  const { sessions } = fixture.database;
  const userId = await fixture.makeUser();
  const [old, live] = [token(), token()];
  await sessions.create({ tokenHash: old, userId, expiresAt: inMs(-1_000) });
  await sessions.create({ tokenHash: live, userId, expiresAt: inMs(60_000) });
  expect(await sessions.find(old)).toBeNull();
  expect(await sessions.deleteExpired()).toBe(1);
  expect(await sessions.find(live)).not.toBeNull();
});

test("a use is noted once a minute at most", async () => {
  const { sessions } = fixture.database;
  const userId = await fixture.makeUser();
  const tokenHash = token();
  await sessions.create({ tokenHash, userId, expiresAt: inMs(60_000) });
  const sql = new SQL({ url: fixture.url, max: 1 });
  const lastUsed = async () =>
    (await sql`select last_used_at from sessions where user_id = ${userId}`)[0].last_used_at;
  try {
    const before = await lastUsed();
    await sessions.find(tokenHash);
    expect(await lastUsed()).toEqual(before);
    await sql`update sessions set last_used_at = now() - interval '2 minutes'`;
    await sessions.find(tokenHash);
    expect(Date.now() - (await lastUsed()).getTime()).toBeLessThan(30_000);
  } finally {
    await sql.close();
  }
});
