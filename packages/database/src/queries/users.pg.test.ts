import { expect, test } from "bun:test";
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
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      users.create(newUser(`first-${i}@example.org`, i % 2 > 0)),
    ),
  );
  const made = results.flatMap((result) => (typeof result === "string" ? [] : [result.user.role]));
  expect(made.filter((role) => role === "admin")).toHaveLength(1);
  expect(results.filter((result) => result === "email_taken")).toHaveLength(0);
  // All with open sign-up are in; of the others at most the one that was first.
  expect(made.length).toBeGreaterThanOrEqual(10);
  expect(made.length).toBeLessThanOrEqual(11);
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
