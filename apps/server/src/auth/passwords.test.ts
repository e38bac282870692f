import { expect, test } from "bun:test";
import { ApiError } from "../http/api-error.ts";
import { createPasswords } from "./passwords.ts";

test("a password matches its own argon2id hash, and no account matches none", async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash("correct horse");
  expect(hash).toStartWith("$argon2id$");
  expect(await passwords.verify("correct horse", hash)).toBe(true);
  expect(await passwords.verify("wrong horse", hash)).toBe(false);
  expect(await passwords.verify("no account has this password", null)).toBe(false);
});

test("a rush is queued up to a bound, and turned away beyond it", async () => {
  const passwords = createPasswords();
  const rush = Array.from({ length: 130 }, () => passwords.verify("x", null));
  const results = await Promise.allSettled(rush);
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused).toHaveLength(130 - 2 - 100);
  for (const { reason } of refused) {
    expect(reason).toBeInstanceOf(ApiError);
    expect(reason.code).toBe("overloaded");
  }
  expect(await passwords.verify("x", null)).toBe(false);
}, 60_000);
