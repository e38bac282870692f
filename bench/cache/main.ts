import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { inRounds, printTable } from "./rounds.ts";
import {
  bento,
  cacheable,
  cacheManager,
  lruCache,
  makeKeys,
  makeValue,
  ours,
  oursAtOnce,
  type Subject,
} from "./subjects.ts";

/**
 * The cache beside others, in one run: a hit in memory, a hit in Redis, a load with 1,000 waiters,
 * bytes an entry, and a million entries under churn. Take the ratios: they are medians over rounds
 * in which all subjects took their turn. Parts can be chosen: `main.ts memory redis`.
 */
const ROUNDS = 7;
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const wanted = (part: string) => parts.length === 0 || parts.includes(part);

console.log(`bun bench/cache/main.ts ${parts.join(" ")}`);
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GB, Bun ${Bun.version}, ${new Date().toISOString().slice(0, 10)}`,
);

if (wanted("memory")) await memoryHits();
if (wanted("redis")) await redisHits();
if (wanted("load")) await sharedLoads();
if (wanted("bytes")) bytesAnEntry();
if (wanted("churn")) churn();
process.exit(0);

async function memoryHits(): Promise<void> {
  for (const entries of [1000, 50_000]) {
    const keys = makeKeys(entries);
    const subjects = [
      await lruCache(entries, true),
      await lruCache(entries, false),
      await oursAtOnce(entries),
      await ours(entries),
      await bento(entries),
      await cacheManager(entries),
      await cacheable(entries),
    ];
    await fill(subjects, keys);
    const order = Array.from({ length: 20_000 }, () => Math.floor(Math.random() ** 2 * entries));
    const results = await inRounds(subjects, ROUNDS, async (subject) => {
      const synchronous = !(subject.get(keys[0] as (typeof keys)[number]) instanceof Promise);
      const started = performance.now();
      if (synchronous) for (const i of order) expectHit(subject.get(keyAt(keys, i)));
      else for (const i of order) expectHit(await subject.get(keyAt(keys, i)));
      return ((performance.now() - started) * 1e6) / order.length;
    });
    printTable(`A hit in memory, ${entries} entries of 1 kB`, "ns", results);
    await closeAll(subjects);
  }
}

async function redisHits(): Promise<void> {
  const server = await startRedis();
  const keys = makeKeys(2000);
  const subjects = [
    await ours(1, server.url),
    await bento(1, server.url),
    await cacheManager(1, server.url),
    await cacheable(1, server.url),
  ];
  await fill(subjects, keys);
  const results = await inRounds(subjects, ROUNDS, async (subject) => {
    const started = performance.now();
    // 16 readers at once, as a server has them.
    await Promise.all(
      Array.from({ length: 16 }, async (_, reader) => {
        for (let i = reader; i < keys.length; i += 16) expectHit(await subject.get(keyAt(keys, i)));
      }),
    );
    return ((performance.now() - started) * 1000) / keys.length;
  });
  printTable("A hit in Redis that memory does not have, 16 readers", "µs", results);
  await closeAll(subjects);
  server.stop();
}

async function sharedLoads(): Promise<void> {
  const subjects = [
    await ours(10_000),
    await bento(10_000),
    await cacheManager(10_000),
    await cacheable(10_000),
  ];
  let next = 0;
  const loads = new Map<string, number>();
  const keys = makeKeys(10_000);
  const results = await inRounds(subjects, ROUNDS, async (subject) => {
    const key = keyAt(keys, next++);
    const load = async () => {
      loads.set(subject.name, (loads.get(subject.name) ?? 0) + 1);
      await new Promise((done) => setTimeout(done, 5));
      return makeValue(next);
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: 1000 }, () => subject.load?.(key, load)));
    return performance.now() - started;
  });
  printTable("One missing key, a load of 5 ms, 1,000 waiters", "ms", results);
  for (const [name, count] of loads)
    console.log(`  ${name}: ${count} loads in ${ROUNDS + 1} rounds`);
  await closeAll(subjects);
}

function bytesAnEntry(): void {
  console.log(
    "\nMemory of an entry with 1 kB of text, 100,000 entries, each cache in its own process",
  );
  for (const name of ["peregrine", "lru-cache", "bentocache", "cache-manager", "cacheable"]) {
    const line = run(new URL("./entry-memory.ts", import.meta.url), name);
    console.log(`  ${name.padEnd(24)} ${line}`);
  }
}

function churn(): void {
  console.log("\nA million entries, 12 million operations");
  console.log(run(new URL("./churn.ts", import.meta.url)));
}

function run(file: URL, ...args: string[]): string {
  return execFileSync(process.execPath, [fileURLToPath(file), ...args], {
    encoding: "utf8",
  }).trimEnd();
}

async function fill(
  subjects: readonly Subject[],
  keys: ReturnType<typeof makeKeys>,
): Promise<void> {
  for (const subject of subjects) {
    for (let i = 0; i < keys.length; i++) await subject.set(keyAt(keys, i), makeValue(i));
  }
}

async function closeAll(subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) await subject.close();
}

function keyAt(keys: ReturnType<typeof makeKeys>, i: number): ReturnType<typeof makeKeys>[number] {
  return keys[i] as ReturnType<typeof makeKeys>[number];
}

function expectHit(value: unknown): void {
  if (value === undefined || value === null) throw new Error("a hit was expected");
}

async function startRedis(): Promise<{ url: string; stop: () => void }> {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const free = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(free));
    });
  });
  const server = spawn("redis-server", ["--port", `${port}`, "--save", "", "--bind", "127.0.0.1"], {
    stdio: "ignore",
  });
  await new Promise((done) => setTimeout(done, 300));
  return { url: `redis://127.0.0.1:${port}`, stop: () => server.kill("SIGKILL") };
}
