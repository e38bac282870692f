import { createCache, typed } from "@peregrine/cache";

/** A million entries, then as many writes and reads as an hour at a few thousand a second makes. */
const ENTRIES = 1_000_000;
const OPERATIONS = 12_000_000;

const cache = await createCache({
  types: { item: { lifetimeMs: 600_000, layer: "memory", key: ["id"], value: typed<string>() } },
  maxEntries: ENTRIES,
  maxBytes: 8 * 1024 ** 3,
});
const megabytes = () => {
  Bun.gc(true);
  return Math.round(process.memoryUsage().rss / 1024 ** 2);
};
for (let id = 0; id < ENTRIES; id++)
  void cache.set("item", { owner: id % 50_000, id }, `value ${id}`);
await Promise.resolve();
console.log(`  full: ${cache.stats().memory.entries} entries, ${megabytes()} MB`);
let next = ENTRIES;
const started = performance.now();
for (let i = 1; i <= OPERATIONS; i++) {
  const id = i % 3 === 0 ? next++ : Math.floor(next * (1 - Math.random() ** 3));
  const key = { owner: id % 50_000, id };
  if (cache.peek("item", key) === undefined) void cache.set("item", key, `value ${id}`);
  if (i % 10_000 === 0) await new Promise((done) => setTimeout(done));
  if (i % (OPERATIONS / 6) === 0) {
    const seconds = (performance.now() - started) / 1000;
    const { entries } = cache.stats().memory;
    console.log(
      `  ${(i / 1e6).toFixed(0)} million operations: ${entries} entries, ${megabytes()} MB, ${Math.round(i / seconds)} a second`,
    );
  }
}
await cache.close();
process.exit(0);
