import { join } from "node:path";
import { parseArgs } from "node:util";
import { type RunningProxy, startProxy } from "../edge/proxies.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { spawnBun } from "../support/processes.ts";

/**
 * What it costs the front door to be watched: small GETs to a server through doors that differ in
 * what they record, on one core in turns, in one run. Counted by requests for each second of CPU.
 * Two of the doors are alike, which says how much of a difference is chance. Traces go to a
 * collector that is not there.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "1" },
  },
});
const cores = { door: 2, load: "0,3" };
const nobody = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
const kinds: Record<string, Record<string, string>> = {
  nothing: { METRICS_ENABLED: "false" },
  "nothing, again": { METRICS_ENABLED: "false" },
  metrics: {},
  "1 % traces": { ...nobody, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" },
  "all traces": nobody,
};

printMachine(`npm run bench -- edge-monitoring ${process.argv.slice(2).join(" ")}`);
const upstream = await spawnBun([join(import.meta.dirname, "../edge/upstream.ts")]);
const doors: { name: string; door: RunningProxy; rates: number[] }[] = [];
try {
  for (const [name, environment] of Object.entries(kinds)) {
    const door = await startProxy("edge", upstream.url, cores.door, environment);
    doors.push({ name, door, rates: [] });
  }
  // The first round warms up: code that is compiled while it runs does not show in it yet.
  for (let round = 0; round <= Number(values.rounds); round++) {
    // Whoever comes first in one round comes last in the next.
    for (const { door, rates } of round % 2 === 0 ? doors : doors.toReversed()) {
      const rate = await measure(door);
      if (round > 0) rates.push(rate);
    }
  }
} finally {
  for (const { door } of doors) await door.stop();
  await upstream.stop();
}
const [nothing] = doors;
console.log("watched by      requests for each CPU second   of nothing's, median of the rounds");
for (const { name, rates } of doors) {
  const ratios = rates.map((rate, i) => rate / (nothing?.rates[i] ?? Number.NaN));
  console.log(
    `${name.padEnd(16)}${percentile(rates, 0.5).toFixed(0).padStart(28)}   ${percentile(ratios, 0.5).toFixed(3)} (${percentile(ratios, 0.25).toFixed(3)} to ${percentile(ratios, 0.75).toFixed(3)})`,
  );
}
process.exit(0);

/** @returns requests for each second of the door's CPU */
async function measure(door: RunningProxy): Promise<number> {
  const before = await door.cpuSeconds();
  const load = Bun.spawn(
    ["taskset", "-c", cores.load, "wrk", "-t2", "-c64", `-d${values.seconds}`, door.url],
    { stdout: "pipe", stderr: "inherit" },
  );
  const text = await new Response(load.stdout).text();
  const cpuSeconds = (await door.cpuSeconds()) - before;
  const count = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (count === 0 || /Non-2xx|Socket errors/.test(text)) {
    throw new Error(`${door.name} did not answer everything:\n${text}`);
  }
  return count / cpuSeconds;
}
