import { heapStats } from "bun:jsc";
import { createCache, typed } from "@peregrine/cache";

/**
 * A million entries under churn, in a process of its own: reads of old and new keys, a third of all
 * operations a key never seen before, a write with a tag in every hundred, and entries that expire.
 * Prints what is reachable and what the process holds, both after a full collection.
 *
 *     churn.ts [minutes] [reports]
 */
const ENTRIES = 1_000_000;
const OWNERS = 50_000;
const minutes = Number(process.argv[2] ?? 1);
const reports = Number(process.argv[3] ?? 6);

const cache = await createCache({
  types: { item: { lifetimeMs: 300_000, layer: "memory", key: ["id"], value: typed<string>() } },
  maxEntries: ENTRIES,
  maxBytes: 8 * 1024 ** 3,
});
for (let id = 0; id < ENTRIES; id++) put(id);
await new Promise((done) => setTimeout(done));

let next = ENTRIES;
let operations = 0;
let hits = 0;
let busyMs = 0;
report("full");
for (let reported = 1; reported <= reports; reported++) {
  const until = performance.now() + (minutes * 60_000) / reports;
  while (performance.now() < until) {
    const started = performance.now();
    turn();
    busyMs += performance.now() - started;
    await new Promise((done) => setTimeout(done));
  }
  report(`${((minutes * reported) / reports).toFixed(1)} min`);
}
await cache.close();
process.exit(0);

/** What happens before the event loop goes round: sweeps and timers have their turn in between. */
function turn(): void {
  for (let i = 0; i < 5000; i++) {
    operations++;
    const id = operations % 3 === 0 ? next++ : Math.floor(next - ENTRIES * 2 * Math.random() ** 3);
    if (cache.peek("item", keyOf(id)) !== undefined) hits++;
    else put(id);
    if (operations % 100 === 0) void cache.mutate([`owner:${id % OWNERS}`], async () => {});
  }
}

function put(id: number): void {
  void cache.set("item", keyOf(id), `value ${id}`, { tags: [`owner:${id % OWNERS}`] });
}

function keyOf(id: number): { owner: number; id: number } {
  return { owner: id % OWNERS, id };
}

function report(when: string): void {
  for (let i = 0; i < 2; i++) Bun.gc(true);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`.padStart(8);
  const { entries } = cache.stats().memory;
  console.log(
    `  ${when.padStart(8)}  ${(operations / 1e6).toFixed(1).padStart(7)} million operations  ${entries} entries  ` +
      `heap ${megabytes(heapStats().heapSize)}  resident ${megabytes(process.memoryUsage.rss())}  ` +
      `${Math.round(operations / (busyMs / 1000 || 1))} a second  ${((100 * hits) / (operations || 1)).toFixed(0)} % hits`,
  );
}
