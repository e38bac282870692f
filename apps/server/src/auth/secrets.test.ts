import { expect, test } from "bun:test";
import { hashSecret, newSecret } from "./secrets.ts";
import { readSessionCookie, sessionCookie } from "./session-cookie.ts";

test("secrets are long, safe in a header, and known by their hash", () => {
  const secret = newSecret("pk_");
  expect(secret.text).toMatch(/^pk_[A-Za-z0-9_-]{43}$/);
  expect(hashSecret(secret.text)).toEqual(secret.hash);
  expect(newSecret().text).not.toBe(newSecret().text);
});

test("the session cookie is read back among others", () => {
  const pair = sessionCookie("abc", 60, true).split(";", 1)[0] as string;
  const request = new Request("http://x/", { headers: { cookie: `a=b; ${pair}; c=d` } });
  expect(readSessionCookie(request.headers)).toBe("abc");
  expect(sessionCookie("abc", 60, true)).toContain("Secure");
  expect(sessionCookie("abc", 60, false)).not.toContain("Secure");
});
