import { parseArgs } from "node:util";
import { register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { startServer } from "../support/processes.ts";

/**
 * What it costs to be watched: the list of conversations from the cache, on servers that differ in
 * what they record, in turns, in one run. Counted by requests for each second of CPU, which says the
 * same on a busy machine as on an idle one. Traces go to a collector that is not there.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "9" },
    connections: { type: "string", default: "32" },
  },
});
const nobody = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
const sampled = { OTEL_TRACES_SAMPLER: "traceidratio" };
const kinds: Record<string, Record<string, string>> = {
  nothing: { METRICS_ENABLED: "false" },
  metrics: {},
  "1 % traces": { ...nobody, ...sampled, OTEL_TRACES_SAMPLER_ARG: "0.01" },
  "all traces": nobody,
};

printMachine(`npm run bench -- monitoring ${process.argv.slice(2).join(" ")}`);
const subjects = await Promise.all(
  Object.entries(kinds).map(async ([name, environment]) => {
    const server = await startServer({
      METRICS_PORT: "0",
      SHUTDOWN_TIMEOUT: "0",
      LOG_LEVEL: "info",
      ...environment,
    });
    const account = await register(server.url);
    for (let i = 0; i < 20; i++) await account.newConversation();
    return { name, server, cookie: account.cookie, rates: [] as number[] };
  }),
);
type Subject = (typeof subjects)[number];

// Once unmeasured: code that is not compiled yet says nothing.
for (const subject of subjects) await load(subject);
for (let round = 0; round < Number(values.rounds); round++) {
  // Whoever comes first in one round comes last in the next.
  const order = round % 2 === 0 ? subjects : subjects.toReversed();
  for (const subject of order) subject.rates.push(await load(subject));
}
const [nothing] = subjects;
console.log("watched by      requests for each CPU second   of nothing's, median of the rounds");
for (const { name, rates } of subjects) {
  const ratios = rates.map((rate, i) => rate / (nothing?.rates[i] ?? Number.NaN));
  console.log(
    `${name.padEnd(16)}${percentile(rates, 0.5).toFixed(0).padStart(28)}   ${percentile(ratios, 0.5).toFixed(3)} (${percentile(ratios, 0.25).toFixed(3)} to ${percentile(ratios, 0.75).toFixed(3)})`,
  );
}
await Promise.all(subjects.map(({ server }) => server.stop()));
process.exit(0);

/** @returns requests for each second of the server's CPU */
async function load({ server, cookie }: Subject): Promise<number> {
  const endMs = performance.now() + Number(values.seconds) * 1000;
  const before = await server.cpuSeconds();
  let requests = 0;
  await Promise.all(
    Array.from({ length: Number(values.connections) }, async () => {
      while (performance.now() < endMs) {
        const response = await fetch(`${server.url}/api/v1/conversations`, { headers: { cookie } });
        await response.arrayBuffer();
        requests++;
      }
    }),
  );
  return requests / ((await server.cpuSeconds()) - before);
}
