import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testStore } from "../testing/store-conformance.ts";
import { openLocalStore } from "./local-store.ts";

const directory = mkdtempSync(join(tmpdir(), "peregrine-local-"));
afterAll(() => rmSync(directory, { recursive: true }));
const options = { mediaType: "text/plain", cacheControl: "private" };

describe("as a store", () => testStore(() => openLocalStore(join(directory, "store"))));

test("what a crash left half-way long ago is removed, what is on its way is not", async () => {
  const place = join(directory, "crashed");
  mkdirSync(join(place, ".unfinished"), { recursive: true });
  writeFileSync(join(place, ".unfinished/old"), "half");
  writeFileSync(join(place, ".unfinished/new"), "half");
  const dayBeforeYesterday = Date.now() / 1000 - 2 * 86_400;
  utimesSync(join(place, ".unfinished/old"), dayBeforeYesterday, dayBeforeYesterday);
  const store = await openLocalStore(place);
  expect(readdirSync(join(place, ".unfinished"))).toEqual(["new"]);
  expect(await Array.fromAsync(store.list(""))).toEqual([]);
});

test("a full disk is said to be full, and nothing is left behind", async () => {
  // A file system of 64 kB, which a file of 100 kB does not fit in.
  const small = join(directory, "small");
  mkdirSync(small);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small]);
  if (!mounted.success) return; // only root may
  try {
    const store = await openLocalStore(small);
    const source = join(directory, "source");
    writeFileSync(source, "x".repeat(100_000));
    const failed = await store.put("a/b", source, options).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "full", retryable: true });
    expect(await store.size("a/b")).toBeNull();
    expect(readdirSync(join(small, ".unfinished"))).toEqual([]);
  } finally {
    Bun.spawnSync(["umount", small]);
  }
});
