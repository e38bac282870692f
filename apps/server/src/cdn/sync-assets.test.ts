import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLocalStore } from "@peregrine/cdn";
import { type SyncProgress, syncAssets } from "./sync-assets.ts";

const root = mkdtempSync(join(tmpdir(), "peregrine-sync-"));
afterAll(() => rmSync(root, { recursive: true }));
const directory = join(root, "dist");
const store = await openLocalStore(join(root, "store"));

beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, "assets"), { recursive: true });
  writeFileSync(join(directory, "index.html"), "<!doctype html>");
  writeFileSync(join(directory, "assets/app-1a2b.js"), "one();");
  writeFileSync(join(directory, "assets/app-1a2b.js.br"), "compressed");
  writeFileSync(join(directory, "assets/style-3c4d.css"), "p{}");
});

async function sync(): Promise<SyncProgress[]> {
  const progress: SyncProgress[] = [];
  await syncAssets({ directory, store, onProgress: (one) => progress.push(one) });
  return progress;
}
const keys = async () => (await Array.fromAsync(store.list(""))).map(({ key }) => key).sort();

test("hashed assets are stored once, and neither the page nor compressed forms", async () => {
  const first = await sync();
  expect(first.map(({ key, isNew }) => [key, isNew]).sort()).toEqual([
    ["assets/app-1a2b.js", true],
    ["assets/style-3c4d.css", true],
  ]);
  expect(first.map(({ done, total }) => [done, total])).toEqual([
    [1, 2],
    [2, 2],
  ]);
  expect(await keys()).toEqual(["assets/app-1a2b.js", "assets/style-3c4d.css"]);
  expect((await sync()).map(({ isNew }) => isNew)).toEqual([false, false]);
});

test("one that was cut off is stored again, and what older pages need stays", async () => {
  await sync();
  writeFileSync(join(root, "half"), "on");
  await store.put("assets/app-1a2b.js", join(root, "half"), { mediaType: "", cacheControl: "" });
  rmSync(join(directory, "assets/style-3c4d.css"));
  const again = await sync();
  expect(again.map(({ key, isNew }) => [key, isNew])).toEqual([["assets/app-1a2b.js", true]]);
  expect(await keys()).toEqual(["assets/app-1a2b.js", "assets/style-3c4d.css"]);
});
