import { expect, test } from "bun:test";
import { entityTag, isNotModified } from "./entity-tag.ts";

const asking = (tags: string) =>
  new Request("http://localhost/", { headers: { "if-none-match": tags } });

test("equal bodies have equal tags, others have others, and each coding has its own", () => {
  expect(entityTag("a")).toBe(entityTag(new TextEncoder().encode("a")));
  expect(entityTag("a")).not.toBe(entityTag("b"));
  expect(new Set([entityTag("a"), entityTag("a", "br"), entityTag("a", "gzip")]).size).toBe(3);
  expect(entityTag("a", "zstd")).toMatch(/^"[0-9a-z]+-zstd"$/);
});

test("a tag is found in a list, weak or strong, and whatever the coding", () => {
  const tag = entityTag("a");
  expect(isNotModified(asking(tag), tag)).toBe(true);
  expect(isNotModified(asking(`"x", W/${tag} ,"y"`), tag)).toBe(true);
  expect(isNotModified(asking(entityTag("a", "br")), tag)).toBe(true);
  expect(isNotModified(asking("*"), tag)).toBe(true);
});

test("what does not name the tag does not match", () => {
  const tag = entityTag("a");
  expect(isNotModified(new Request("http://localhost/"), tag)).toBe(false);
  for (const header of [entityTag("b"), "", tag.slice(1, -1), '"', `${tag.slice(0, -1)}-x"`]) {
    expect(isNotModified(asking(header), tag)).toBe(false);
  }
});

test("a list that no client of ours can have is refused", () => {
  const header = '"x", '.repeat(2048);
  expect(() => isNotModified(asking(header), entityTag("a"))).toThrow(
    "If-None-Match has 10239 characters; 4096 are read.",
  );
});
