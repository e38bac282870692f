import { Metrics } from "./metrics.ts";

/** What it costs to record a request, and how long a scrape holds the event loop. */
const metrics = new Metrics({ version: "bench" });
const record = metrics.http.endpoint("GET", "/api/v1/conversations/:id");
const rounds = 5_000_000;

for (let i = 0; i < rounds / 10; i++) record(200, 0.0123);
const startedMs = performance.now();
for (let i = 0; i < rounds; i++) record(i % 50 === 0 ? 404 : 200, (i % 1000) / 1000);
const nanoseconds = ((performance.now() - startedMs) * 1e6) / rounds;
console.log(`record a request: ${nanoseconds.toFixed(0)} ns`);

for (let i = 0; i < 500; i++) metrics.http.endpoint("GET", `/e/${i}`)(200, 0.01);
for (let i = 0; i < 300; i++) {
  metrics.database.onQuery({ name: `t${i}.q`, durationMs: 1, waitMs: 0, target: "primary" });
}
/** Of each scrape, the longest that it held the event loop. */
const heldMs: number[] = [];
let lines = 0;
for (let i = 0; i < 60; i++) {
  let longestMs = 0;
  let lastMs = performance.now();
  const watch = () => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    pending = setImmediate(watch);
  };
  let pending = setImmediate(watch);
  lines = (await metrics.exposition.render()).split("\n").length;
  longestMs = Math.max(longestMs, performance.now() - lastMs);
  clearImmediate(pending);
  // Code that is not compiled yet says nothing.
  if (i >= 10) heldMs.push(longestMs);
}
heldMs.sort((a, b) => a - b);
const [median, worst] = [heldMs[heldMs.length >> 1], heldMs.at(-1)] as [number, number];
console.log(
  `scrape ${lines} lines: holds the event loop for ${median.toFixed(1)} ms, ${worst.toFixed(1)} ms at worst, with what else the machine did meanwhile`,
);
