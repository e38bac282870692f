import { afterEach, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EdgeCache } from "../edge-cache.ts";
import type { EdgeCacheEvents } from "../edge-cache-events.ts";
import { answerOf, ask, requestFor } from "../testing/simulated-clients.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), "peregrine-disk-store-"));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

type Options = {
  maxBytes?: number;
  memoryBytes?: number;
  events?: EdgeCacheEvents;
  now?: () => number;
};

/** A cache on this folder. Closing it is the test's business where it opens another one. */
async function openCache(directory: string, options: Options = {}): Promise<EdgeCache> {
  const { maxBytes = 10 << 20, memoryBytes = 1 << 20, ...rest } = options;
  const cache = new EdgeCache({ memoryBytes, disk: { directory, maxBytes }, ...rest });
  cleanUps.push(() => cache.close());
  await cache.rebuilt;
  return cache;
}

const fresh = { "cache-control": "public, max-age=3600" };
/** Answers with the number of the answer. */
function counting(fields: Record<string, string> = fresh, fill = 0) {
  const server = () => answerOf(fields, `${++server.count} ${"x".repeat(fill)}`);
  server.count = 0;
  return server;
}
const get = async (cache: EdgeCache, target: string, server: Parameters<typeof ask>[2]) =>
  Number((await ask(cache, requestFor(target), server)).body.split(" ", 1)[0]);

async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(2);
  }
}
const filesOf = (directory: string) =>
  readdirSync(join(directory, "entries")).map((name) => join(directory, "entries", name));

test("what memory has no room for is read from disk", async () => {
  const server = counting(fresh, 20_000);
  const cache = await openCache(folder(), { memoryBytes: 200_000 });
  const targets = Array.from({ length: 40 }, (_, i) => `/${i}`);
  const first: number[] = [];
  for (const target of targets) first.push(await get(cache, target, server));
  await eventually(() => cache.figures.diskEntries === 40, "all are written");
  expect(cache.figures.memoryBytes).toBeLessThanOrEqual(200_000);
  const again: number[] = [];
  for (const target of targets) again.push(await get(cache, target, server));
  expect(again).toEqual(first);
  expect(server.count).toBe(40);
});

test("disk is bounded, and what is evicted is removed from it", async () => {
  const directory = folder();
  const evicted: number[] = [];
  const cache = await openCache(directory, {
    maxBytes: 200_000,
    memoryBytes: 200_000,
    events: { onEvict: (store, bytes) => void (store === "disk" && evicted.push(bytes)) },
  });
  const server = counting(fresh, 20_000);
  for (let i = 0; i < 60; i++) {
    await get(cache, `/${i}`, server);
    await eventually(() => cache.figures.diskEntries + evicted.length === i + 1, "it is written");
  }
  expect(cache.figures.diskBytes).toBeLessThanOrEqual(200_000);
  expect(evicted.length).toBeGreaterThan(40);
  await eventually(() => filesOf(directory).length === cache.figures.diskEntries, "files are gone");
});

test("another process finds it all again, newest of each, and asks for nothing", async () => {
  const directory = folder();
  const server = counting();
  const before = await openCache(directory);
  for (const target of ["/a", "/b"]) await get(before, target, server);
  await before.purgeTarget("/a");
  await get(before, "/a", server);
  await before.close();
  const after = await openCache(directory);
  expect([await get(after, "/a", server), await get(after, "/b", server)]).toEqual([3, 2]);
  expect(server.count).toBe(3);
});

test("a file that was cut off, changed or is none at all is never served, and is removed", async () => {
  const directory = folder();
  const server = counting(fresh, 5000);
  const before = await openCache(directory);
  for (const target of ["/a", "/b", "/c", "/d"]) await get(before, target, server);
  await before.close();
  const [cut = "", body = "", head = ""] = filesOf(directory);
  truncateSync(cut, 3000);
  const bytes = readFileSync(body);
  bytes[bytes.length - 10]! ^= 1;
  writeFileSync(body, bytes);
  const other = readFileSync(head);
  other[200]! ^= 1;
  writeFileSync(head, other);
  writeFileSync(join(directory, "entries", "stray"), "nothing of ours");
  mkdirSync(join(directory, "unfinished"), { recursive: true });
  writeFileSync(join(directory, "unfinished", "half"), "of an entry");
  const after = await openCache(directory);
  expect(readdirSync(join(directory, "unfinished"))).toEqual([]);
  const numbers = new Set<number>();
  for (const target of ["/a", "/b", "/c", "/d"]) numbers.add(await get(after, target, server));
  // One of the four was whole.
  expect([...numbers].filter((count) => count <= 4)).toHaveLength(1);
  expect(server.count).toBe(7);
  await eventually(() => after.figures.diskEntries === 4, "the others are written anew");
  await eventually(() => filesOf(directory).length === 4, "what was broken is removed");
});

test("what was purged stays purged after a crash, by tag, by address and all of it", async () => {
  const tagged = { ...fresh, "surrogate-key": "one two" };
  for (const purge of [
    (cache: EdgeCache) => cache.purgeTags(["two"]),
    (cache: EdgeCache) => cache.purgeTarget("/a"),
    (cache: EdgeCache) => cache.purgeAll(),
  ]) {
    const directory = folder();
    const server = counting(tagged);
    const before = await openCache(directory);
    await get(before, "/a", server);
    await eventually(() => before.figures.diskEntries === 1, "it is written");
    const [path = ""] = filesOf(directory);
    const bytes = readFileSync(path);
    await purge(before);
    // A process that was killed has not removed the file.
    await before.close();
    writeFileSync(path, bytes);
    const after = await openCache(directory);
    expect(await get(after, "/a", server)).toBe(2);
  }
});

test("a change is written down where it concerns what is kept, and nowhere else", async () => {
  const directory = folder();
  const server = counting();
  const before = await openCache(directory);
  await get(before, "/a", server);
  await eventually(() => before.figures.diskEntries === 1, "it is written");
  const [path = ""] = filesOf(directory);
  const bytes = readFileSync(path);
  for (let i = 0; i < 10; i++) before.invalidate("http://a", `/never-${i}`, []);
  before.invalidate("http://a", "/b", ["/a", "http://elsewhere/c"]);
  await before.close();
  const written = readFileSync(join(directory, "purges"), "utf8");
  expect(written.match(/url [^"]+/g)).toEqual(["url /a"]);
  writeFileSync(path, bytes);
  expect(await get(await openCache(directory), "/a", server)).toBe(2);
});

test("a purge that comes while the index is rebuilt concerns what is found later", async () => {
  const directory = folder();
  const server = counting();
  const before = await openCache(directory);
  const count = 200;
  // Each by a tag of its own, which nobody knows before it is found.
  const tagged = (i: number) => () =>
    answerOf({ ...fresh, "surrogate-key": `tag-${i}` }, `${++server.count}`);
  for (let i = 0; i < count; i++) await get(before, `/${i}`, tagged(i));
  await before.close();
  const after = new EdgeCache({ memoryBytes: 1 << 20, disk: { directory, maxBytes: 1 << 30 } });
  cleanUps.push(() => after.close());
  // In the middle of it, if this machine lets us see that; else at its end, which has to hold, too.
  let isRebuilt = false;
  const rebuilt = after.rebuilt.then(() => {
    isRebuilt = true;
  });
  while (!isRebuilt && after.figures.diskEntries < count / 4) await new Promise(setImmediate);
  await after.purgeTags(Array.from({ length: count }, (_, i) => `tag-${i}`));
  await rebuilt;
  for (let i = 0; i < count; i++) expect(await get(after, `/${i}`, server)).toBe(count + 1 + i);
});

test("an answer from before the clock was set back is not believed", async () => {
  const directory = folder();
  const server = counting();
  const before = await openCache(directory, { now: () => Date.now() + 86_400_000 });
  await get(before, "/a", server);
  await before.close();
  expect(await get(await openCache(directory), "/a", server)).toBe(2);
});

test("a disk that is full costs nothing but the disk", async () => {
  const directory = folder();
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", directory]);
  if (!mounted.success) return; // only root may
  try {
    let nowMs = Date.now();
    const told: string[] = [];
    const cache = await openCache(directory, {
      now: () => nowMs,
      memoryBytes: 4 << 20,
      events: {
        onDiskTrouble: (error) => told.push((error as NodeJS.ErrnoException).code ?? ""),
        onDiskWell: () => told.push("well"),
      },
    });
    const server = counting(fresh, 100_000);
    const targets = Array.from({ length: 6 }, (_, i) => `/${i}`);
    for (const target of targets) await get(cache, target, server);
    await eventually(() => told.length > 0, "it is told once");
    for (const target of targets) await get(cache, target, server);
    expect([told, server.count]).toEqual([["ENOSPC"], 6]);
    // With room again, and some time later, it writes again.
    await cache.purgeAll();
    for (const path of filesOf(directory)) rmSync(path, { force: true });
    nowMs += 60_000;
    await get(cache, "/again", server);
    await eventually(() => told.length === 2, "it is well");
    expect(told).toEqual(["ENOSPC", "well"]);
    await cache.close();
  } finally {
    Bun.spawnSync(["umount", directory]);
  }
});
