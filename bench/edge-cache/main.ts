import { join } from "node:path";
import { parseArgs } from "node:util";
import { type RunningProxy, startProxy } from "../edge/proxies.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { spawnBun } from "../support/processes.ts";
import { caches } from "./caches.ts";

/**
 * Hits of the edge cache beside nginx's proxy_cache and Varnish: how many each answers for each second
 * of CPU that it uses. Every cache runs on the same core, the load on two others, and the caches take
 * turns within each round, so that the noise of a shared machine meets all of them.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    only: { type: "string", default: Object.keys(caches).join(",") },
  },
});
const seconds = Number(values.seconds);
const cores = { cache: 2, load: "0,3" };

const works = [
  { name: "304", path: "/1000", headers: ['If-None-Match: "v1"'], connections: 64 },
  { name: "hit, 1 kB", path: "/1000", headers: [], connections: 64 },
  { name: "hit, 16 kB", path: "/16000", headers: [], connections: 64 },
  { name: "hit, 100 kB", path: "/100000", headers: [], connections: 64 },
  { name: "hit, 1 MB", path: "/1000000", headers: [], connections: 16 },
];

printMachine(`npm run bench -- edge-cache ${process.argv.slice(2).join(" ")}`);
const upstream = await spawnBun([join(import.meta.dirname, "upstream.ts")]);
const running: RunningProxy[] = [];
try {
  for (const name of values.only.split(",")) {
    running.push(await startProxy(name, upstream.url, cores.cache, {}, caches[name]));
  }
  for (const work of works) {
    const rates = new Map<string, number[]>(running.map(({ name }) => [name, []]));
    // The first round warms up: the response is stored, and code is compiled while it runs.
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (const cache of running) {
        const rate = await measure(cache, work);
        if (round > 0) rates.get(cache.name)?.push(rate);
      }
    }
    report(work.name, rates);
  }
} finally {
  for (const cache of running) await cache.stop();
  await upstream.stop();
}
process.exit(0);

/** @returns answers for each second of the cache's CPU */
async function measure(cache: RunningProxy, work: (typeof works)[number]): Promise<number> {
  const before = await cache.cpuSeconds();
  const headers = work.headers.flatMap((header) => ["-H", header]);
  const load = Bun.spawn(
    [
      ...["taskset", "-c", cores.load, "wrk", "-t2", `-c${work.connections}`, `-d${seconds}`],
      ...[...headers, cache.url + work.path],
    ],
    { stdout: "pipe", stderr: "inherit" },
  );
  const text = await new Response(load.stdout).text();
  const cpuSeconds = (await cache.cpuSeconds()) - before;
  const count = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (count === 0 || /Non-2xx|Socket errors/.test(text)) {
    throw new Error(`${cache.name} did not answer everything:\n${text}`);
  }
  return count / cpuSeconds;
}

function report(name: string, rates: ReadonlyMap<string, readonly number[]>): void {
  console.log(`${name}, for each second of CPU`);
  const edge = rates.get("edge") ?? [];
  for (const [cache, samples] of rates) {
    const ratios = samples.map((rate, round) => (edge[round] ?? Number.NaN) / rate);
    const ratio =
      cache === "edge"
        ? ""
        : `   edge has ${percentile(ratios, 0.5).toFixed(2)} times as many (${percentile(ratios, 0).toFixed(2)} to ${percentile(ratios, 1).toFixed(2)})`;
    console.log(
      `  ${cache.padEnd(10)}${Math.round(percentile(samples, 0.5)).toString().padStart(9)}${ratio}`,
    );
  }
  console.log("");
}
