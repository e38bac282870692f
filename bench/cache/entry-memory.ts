import { heapStats } from "bun:jsc";
import {
  bento,
  cacheable,
  cacheManager,
  lruCache,
  makeKeys,
  makeValue,
  ours,
  type Subject,
} from "./subjects.ts";

/** Fills one cache with entries of 1 kB, in a process of its own, and prints the bytes of each. */
const ENTRIES = 100_000;
const makers: Record<string, () => Promise<Subject>> = {
  peregrine: () => ours(ENTRIES),
  "lru-cache": () => lruCache(ENTRIES, false),
  bentocache: () => bento(ENTRIES),
  "cache-manager": () => cacheManager(ENTRIES),
  cacheable: () => cacheable(ENTRIES),
};

const make = makers[process.argv[2] ?? ""];
if (make === undefined) throw new Error(`one of ${Object.keys(makers).join(", ")}`);
const subject = await make();
const keys = makeKeys(ENTRIES);
const before = settled();
for (let i = 0; i < ENTRIES; i++) {
  const { owner, id, text } = keys[i] as (typeof keys)[number];
  // A copy, as each request brings its own: the key counts as the cache's.
  await subject.set({ owner: copy(owner), id: copy(id), text: copy(text) }, makeValue(i));
}
const after = settled();
const live = Math.round((after.heap - before.heap) / ENTRIES);
const resident = Math.round((after.rss - before.rss) / ENTRIES);
console.log(`${String(live).padStart(5)} bytes live, ${String(resident).padStart(5)} resident`);
process.exit(0);

function copy(text: string): string {
  return Buffer.from(text).toString();
}

/** What is reachable, and what the process holds: with what filling left behind. */
function settled(): { heap: number; rss: number } {
  for (let i = 0; i < 3; i++) Bun.gc(true);
  return { heap: heapStats().heapSize, rss: process.memoryUsage().rss };
}
