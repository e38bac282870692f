import { parseArgs } from "node:util";
import { cpuSecondsOf, pin } from "../support/cpu-clock.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { type Estimate, meanOf, shuffled } from "../support/paired.ts";
import { type Started, spawnBun, startModelServer, startServer } from "../support/processes.ts";
import { answersLoad, type Load, readsLoad } from "./loads.ts";

/**
 * What it costs to be watched: the same load on servers that differ in what they record. All of a
 * launch are alive at once, on one core, and are loaded by turns, in short slices and in an order
 * that is drawn anew for each turn; so neighbours in time meet the same machine, and what is compared
 * is a slice with the one of the server that records nothing.
 *
 * Two processes of the same code differ by some percent for as long as they live. So there are many
 * launches, each is one sample, and a second server that records nothing is compared with the first:
 * what comes of that is what the bench cannot see.
 */
const { values } = parseArgs({
  options: {
    /** Reads of a list that the cache has, or questions whose answers are streamed. */
    load: { type: "string", default: "reads" },
    launches: { type: "string", default: "12" },
    /** Milliseconds for each server of a launch. */
    each: { type: "string", default: "2000" },
    connections: { type: "string", default: "32" },
    /** Leaves out the servers with traces. */
    metrics: { type: "boolean", default: false },
  },
});
/** Slices are as short as the load allows: in 300 ms the machine itself changes by 3 %. */
const loads: Record<string, { open: typeof readsLoad; sliceMs: number }> = {
  reads: { open: readsLoad, sliceMs: 20 },
  answers: { open: answersLoad, sliceMs: 300 },
};
const load = loads[values.load];
if (!load) throw new Error(`--load is one of: ${Object.keys(loads).join(", ")}`);
const { sliceMs, open: openLoad } = load;
const turns = Math.ceil(Number(values.each) / sliceMs);
/** Unmeasured: code that is not compiled yet says nothing. */
const warmMs = 1000;

printMachine(`npm run bench -- monitoring ${process.argv.slice(2).join(" ")}`);
const models = await startModelServer(undefined, "--tokens", "50", "--rate", "500");
const collector = await spawnBun([
  "-e",
  `const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: async (request) => {
     await request.arrayBuffer();
     return new Response("{}");
   } });
   console.log(server.url.origin);`,
]);
const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: "traceidratio" };
const kinds: Record<string, Record<string, string>> = {
  nothing: { METRICS_ENABLED: "false" },
  "nothing, again": { METRICS_ENABLED: "false" },
  metrics: {},
  ...(!values.metrics && {
    "and 1 % of traces": { ...traces, OTEL_TRACES_SAMPLER_ARG: "0.01" },
    "and all traces": { ...traces, OTEL_TRACES_SAMPLER_ARG: "1" },
  }),
};

type Subject = { kind: string; server: Started; load: Load };
/** What a server took for a slice. */
type Slice = { cpuSeconds: number; requests: number; seconds: number };
/** The slices of a server, of one for each turn. */
type Launch = Map<string, Slice[]>;

const launches: Launch[] = [];
let pinned = "";
while (launches.length < Number(values.launches)) launches.push(await launch());

console.log(
  `${values.load}: ${launches.length} launches of ${turns} turns of ${sliceMs} ms, ${pinned}`,
);
console.log("                           of nothing's, and the range that is in, 95 % sure");
console.log(
  "recorded      µs of CPU    median slice             all slices               throughput",
);
for (const kind of Object.keys(kinds)) {
  const own = launches.map((slices) => slices.get(kind) ?? []);
  const plain = launches.map((slices) => slices.get("nothing") ?? []);
  const microseconds = percentile(own.flat().map(cost), 0.5) * 1e6;
  const compared = (figure: (slices: Slice[], beside: Slice[]) => number) =>
    text(meanOf(own.map((slices, i) => figure(slices, plain[i] ?? []))));
  const ratios = (of: (slice: Slice) => number) => (slices: Slice[], beside: Slice[]) =>
    percentile(
      slices.map((slice, i) => of(slice) / of(beside[i] as Slice)),
      0.5,
    );
  // What a median leaves out: saving each 15 s, collecting garbage.
  const sums = (slices: Slice[], beside: Slice[]) => sum(slices.map(cost)) / sum(beside.map(cost));
  const figures = [compared(ratios(cost)), compared(sums), compared(ratios(rate))];
  console.log(
    `${kind.padEnd(18)}${microseconds.toFixed(2).padStart(8)}    ${figures.join("    ")}`,
  );
}
await models.stop();
await collector.stop();
process.exit(0);

/** Starts a server of each kind, measures and stops them. */
async function launch(): Promise<Launch> {
  const subjects = await Promise.all(shuffled(Object.entries(kinds)).map(start));
  pinned = pin(subjects.map(({ server }) => server.pid));
  for (const { load } of subjects) await load.run(warmMs);
  const slices: Launch = new Map(subjects.map(({ kind }) => [kind, []]));
  for (let turn = 0; turn < turns; turn++) {
    for (const subject of shuffled(subjects)) {
      slices.get(subject.kind)?.push(await measure(subject));
    }
  }
  for (const { load } of subjects) load.close();
  await Promise.all(subjects.map(({ server }) => server.stop()));
  return slices;
}

async function start([kind, environment]: [string, Record<string, string>]): Promise<Subject> {
  const server = await startServer({
    MODEL_SERVERS: models.url,
    MODEL: "test",
    METRICS_PORT: "0",
    SHUTDOWN_TIMEOUT: "0",
    LOG_LEVEL: "info",
    ...environment,
  });
  return { kind, server, load: await openLoad(server.url, Number(values.connections)) };
}

async function measure({ server, load }: Subject): Promise<Slice> {
  const before = cpuSecondsOf(server.pid);
  const startedMs = performance.now();
  const requests = await load.run(sliceMs);
  const seconds = (performance.now() - startedMs) / 1000;
  return { cpuSeconds: cpuSecondsOf(server.pid) - before, requests, seconds };
}

/** CPU seconds for a request. */
function cost({ cpuSeconds, requests }: Slice): number {
  return cpuSeconds / requests;
}

function rate({ requests, seconds }: Slice): number {
  return requests / seconds;
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}

function text({ value, low, high }: Estimate): string {
  return `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
