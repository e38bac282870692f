import { expect, test } from "bun:test";
import { newId } from "../ids.ts";
import { useDatabase } from "../testing/use-database.ts";

const fixture = useDatabase();
const newKey = (userId: string, limit = 20) => ({
  id: newId(),
  userId,
  name: "laptop",
  prefix: "pk_abc",
  keyHash: crypto.getRandomValues(new Uint8Array(32)),
  limit,
});

test("a key leads to its user, and notes its use", async () => {
  const { apiKeys } = fixture.database;
  const userId = await fixture.makeUser();
  const key = newKey(userId);
  await apiKeys.create(key);
  expect(await apiKeys.find(key.keyHash)).toMatchObject({ user: { id: userId }, apiKeyId: key.id });
  expect((await apiKeys.list(userId))[0]?.lastUsedAt).not.toBeNull();
  expect(await apiKeys.find(new Uint8Array(32))).toBeNull();
});

test("only the owner sees and deletes a key", async () => {
  const { apiKeys } = fixture.database;
  const [owner, other] = [await fixture.makeUser(), await fixture.makeUser()];
  const [first, second] = [newKey(owner), newKey(owner)];
  await apiKeys.create(first);
  await apiKeys.create(second);
  expect((await apiKeys.list(owner)).map((key) => key.id)).toEqual([second.id, first.id]);
  expect(await apiKeys.list(other)).toEqual([]);
  expect(await apiKeys.hashOf(other, first.id)).toBeNull();
  expect(await apiKeys.hashOf(owner, first.id)).toBeInstanceOf(Uint8Array);
  expect(await apiKeys.delete(other, first.id)).toBe(false);
  expect(await apiKeys.delete(owner, first.id)).toBe(true);
  expect(await apiKeys.find(first.keyHash)).toBeNull();
});

test("many made at once stop exactly at the limit; a deleted one makes room", async () => {
  const { apiKeys } = fixture.database;
  const userId = await fixture.makeUser();
  const results = await Promise.all(
    Array.from({ length: 20 }, () => apiKeys.create(newKey(userId, 5))),
  );
  expect(results.filter((result) => result === "limit_reached")).toHaveLength(15);
  const keys = await apiKeys.list(userId);
  expect(keys).toHaveLength(5);
  await apiKeys.delete(userId, keys[2]?.id ?? "");
  expect(await apiKeys.create(newKey(userId, 5))).not.toBe("limit_reached");
  expect(await apiKeys.create(newKey(userId, 5))).toBe("limit_reached");
});
