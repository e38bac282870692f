import { expect, test } from "bun:test";
import { SQL } from "bun";
import { newId } from "../ids.ts";
import { useDatabase } from "../testing/use-database.ts";
import type { NewUser } from "./users.ts";

const fixture = useDatabase();

const newUser = (email: string, signupOpen = true): NewUser => ({
  id: newId(),
  email,
  name: "Ada",
  passwordHash: "hash",
  signupOpen,
});

test("of many who register first at once, one is the administrator, also with sign-up closed", async () => {
  const { users } = fixture.database;
  const sql = new SQL({ url: fixture.url, max: 1 });
  // Once is not enough for them to meet: each round begins with an empty installation.
  for (let round = 0; round < 20; round++) {
    await sql`delete from users`;
    const results = await Promise.all(
      Array.from({ length: 16 }, (_, i) =>
        users.create(newUser(`${round}-${i}@example.org`, i % 2 > 0)),
      ),
    );
    const roles = results.flatMap((result) =>
      typeof result === "string" ? [] : [result.user.role],
    );
    expect(roles.filter((role) => role === "admin")).toHaveLength(1);
    expect(results).not.toContain("email_taken");
    // All with open sign-up are in; of the others at most the one that was first.
    expect(roles.length).toBeGreaterThanOrEqual(8);
    expect(roles.length).toBeLessThanOrEqual(9);
  }
  await sql.close();
  expect(await users.create(newUser("late@example.org", false))).toBe("signup_closed");
});

test("an email is taken in whatever case, also by two at once", async () => {
  const { users } = fixture.database;
  const both = await Promise.all([
    users.create(newUser("Grace@Example.org")),
    users.create(newUser("grace@example.ORG")),
  ]);
  expect(both.filter((result) => result === "email_taken")).toHaveLength(1);
  const found = await users.findByEmail("GRACE@example.org");
  expect(found?.passwordHash).toBe("hash");
  expect(await users.findById(found?.user.id ?? "")).toEqual(found?.user ?? null);
});

test("who is not there is null", async () => {
  expect(await fixture.database.users.findByEmail("nobody@example.org")).toBeNull();
  expect(await fixture.database.users.findById(newId())).toBeNull();
});

test("an id that exists is an error and not a loop", async () => {
  const user = newUser("twice@example.org");
  await fixture.database.users.create(user);
  expect(fixture.database.users.create({ ...user, email: "other@example.org" })).rejects.toThrow(
    "an account with this id exists",
  );
});
