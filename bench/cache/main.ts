import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { printMachine } from "../support/machine.ts";
import { inRounds, printBudget, printTable, ratio } from "./rounds.ts";
import {
  bento,
  cacheable,
  cacheManager,
  freshKey,
  type Key,
  lruCache,
  makeKeys,
  makeValue,
  ours,
  oursAtOnce,
  type Subject,
} from "./subjects.ts";

/**
 * The cache beside others, in one run: a hit in memory, a hit in Redis, a load with 1,000 waiters,
 * bytes an entry, and a million entries under churn. Take the ratios. All subjects take their turn in
 * each round; the budgets compare best rounds. Parts can be chosen: `main.ts memory redis load bytes
 * churn`; `--minutes 25` makes the churn longer.
 *
 * Hits in memory are measured twice: with the very texts that were stored under, which lru-cache
 * then finds without comparing them; and with new ones of the same letters, as requests bring them,
 * which have to be hashed and compared. "several": one of several processes that share a log.
 */
const ROUNDS = 15;
const { values: options, positionals: parts } = parseArgs({
  options: { minutes: { type: "string", default: "1" } },
  allowPositionals: true,
});
const wanted = (part: string) => parts.length === 0 || parts.includes(part);

printMachine(`npm run bench -- cache ${parts.join(" ")}`.trim());

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
      await lruCache(entries, false),
      await lruCache(entries, true),
      await oursAtOnce(entries, true),
      await oursAtOnce(entries, false),
      await ours(entries),
      await bento(entries),
      await cacheManager(entries),
      await cacheable(entries),
    ];
    await fill(subjects, keys);
    const order = Array.from({ length: 20_000 }, () => Math.floor(Math.random() ** 2 * entries));
    const kept = order.map((i) => keyAt(keys, i));
    await measureHits(`${entries} entries of 1 kB, texts of keys kept`, subjects, () => kept);
    await measureHits(`${entries} entries of 1 kB, texts of keys new`, subjects, () =>
      kept.map(freshKey),
    );
    await closeAll(subjects);
  }
}

async function measureHits(
  title: string,
  subjects: readonly Subject[],
  keysOfRound: () => readonly Key[],
): Promise<void> {
  const results = await inRounds(subjects, ROUNDS, async (subject) => {
    const keys = keysOfRound();
    const synchronous = !(subject.get(keys[0] as Key) instanceof Promise);
    const started = performance.now();
    if (synchronous) for (const key of keys) expectHit(subject.get(key));
    else for (const key of keys) expectHit(await subject.get(key));
    return ((performance.now() - started) * 1e6) / keys.length;
  });
  printTable(`A hit in memory, ${title}`, "ns", results);
  printBudget("peregrine to lru-cache", ratio(results, "peregrine, peek", "lru-cache"), {
    most: 1.5,
  });
  printBudget("bentocache to peregrine", ratio(results, "bentocache", "peregrine"), { least: 10 });
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
  for (const readers of [1, 16, 128]) {
    const results = await inRounds(subjects, ROUNDS, async (subject) => {
      const started = performance.now();
      await Promise.all(
        Array.from({ length: readers }, async (_, reader) => {
          for (let i = reader; i < keys.length; i += readers) {
            expectHit(await subject.get(keyAt(keys, i)));
          }
        }),
      );
      return ((performance.now() - started) * 1000) / keys.length;
    });
    printTable(
      `A hit in Redis that memory does not have, readers at once: ${readers}`,
      "µs",
      results,
    );
    printBudget("peregrine to bentocache", ratio(results, "peregrine", "bentocache"), { most: 1 });
  }
  await closeAll(subjects);
  server.stop();
}

async function sharedLoads(): Promise<void> {
  const subjects = [
    await ours(10_000),
    await lruCache(10_000, false),
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
  console.log(`\nA million entries under churn, ${options.minutes} minutes`);
  console.log(run(new URL("./churn.ts", import.meta.url), options.minutes));
}

function run(file: URL, ...args: string[]): string {
  return execFileSync(process.execPath, [fileURLToPath(file), ...args], {
    encoding: "utf8",
  }).trimEnd();
}

async function fill(subjects: readonly Subject[], keys: readonly Key[]): Promise<void> {
  for (const subject of subjects) {
    for (let i = 0; i < keys.length; i++) await subject.set(keyAt(keys, i), makeValue(i));
  }
}

async function closeAll(subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) await subject.close();
}

function keyAt(keys: readonly Key[], i: number): Key {
  return keys[i] as Key;
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
