import { parseArgs } from "node:util";
import { shareCores } from "../support/cores.ts";
import { printMachine } from "../support/machine.ts";
import { type Started, startDoor, startModelServer, startServer } from "../support/processes.ts";
import { mixedKinds, writingKinds } from "./kinds.ts";
import { newPeople } from "./people.ts";
import { describe, efficiency, goodput, printKinds, recoverySeconds, work } from "./report.ts";
import { type Result, runLoad, wellIn } from "./run-load.ts";

/**
 * What becomes of a server that gets three times what it can bear: `npm run bench -- overload`, with
 * `--seconds 120`, `--load writes` for new conversations alone, `--door` for the same through the
 * front door. The server and its database have two cores; the load, the model server and the door
 * have the others. What the server can bear is found by the same means as what becomes of it.
 */
const { values } = parseArgs({
  options: {
    load: { type: "string", default: "mixed" },
    seconds: { type: "string", default: "20" },
    times: { type: "string", default: "3" },
    connections: { type: "string", default: "2000" },
    door: { type: "boolean", default: false },
  },
});
/** Kept busy to find what can be borne: enough for the server never to wait for the load. */
const busy = { connections: 96, perSecond: 0 };

printMachine(`npm run bench -- overload ${process.argv.slice(2).join(" ")}`);
const cores = shareCores(values.door);
console.log(
  cores
    ? `cores: ${cores.server} server and database; ${cores.load} load and model server; ${cores.door || "none"} door`
    : "cores: shared, so that the load takes from the server",
);
const models = await startModelServer(cores?.load);
const server = await startServer(
  {
    MODEL_SERVERS: models.url,
    MODEL: "test",
    METRICS_PORT: "0",
    LOG_LEVEL: "info",
    CPU_THRESHOLD: "1",
    MEMORY_THRESHOLD: "1",
  },
  cores?.server,
);
const door = values.door ? await startDoor(server.url, cores?.door) : undefined;
try {
  await measure();
} finally {
  await door?.stop();
  await server.stop();
  await models.stop();
}
process.exit(0);

async function measure(): Promise<void> {
  const people = await newPeople(server.url);
  const generators = {
    url: door?.url ?? server.url,
    cores: cores?.load,
    count: door ? 1 : 2,
    server,
  };
  let round = 0;
  const newKinds = () =>
    values.load === "writes" ? writingKinds(people) : mixedKinds(people, round++);
  const load = (options: { connections?: number; perSecond: number; seconds: number }) =>
    runLoad(generators, {
      kinds: newKinds(),
      connections: Number(values.connections),
      ...options,
    });

  await load({ ...busy, seconds: 3 });
  const costs = new Map<string, number>();
  for (const kind of newKinds()) {
    const kinds = [kind];
    const result = await runLoad(generators, { kinds, connections: 384, perSecond: 0, seconds: 2 });
    costs.set(kind.name, result.allCores / wellIn(result, kind.name));
  }

  console.log("\nwhat it can bear:");
  const tried: Result[] = [];
  const attempt = async (perSecond: number) => {
    const result = await load(
      perSecond === 0 ? { ...busy, seconds: 5 } : { perSecond, seconds: 5 },
    );
    tried.push(result);
    console.log(`  ${describe(result, costs)}`);
    return result;
  };
  const about = goodput(await attempt(0));
  for (const share of [0.8, 0.95, 1.1]) await attempt(share * about);
  const best = tried.reduce((a, b) => (work(b, costs) > work(a, costs) ? b : a));
  const bestRate = goodput(best);

  const before = await load({ perSecond: bestRate / 2, seconds: 5 });
  const memory = watchMemory(server);
  const perSecond = Number(values.times) * bestRate;
  const overload = await load({ perSecond, seconds: Number(values.seconds) });
  const bytes = await memory.stop();
  const after = await load({ perSecond: bestRate / 2, seconds: 10 });
  const flood = await load({ perSecond: 0, seconds: 10 });

  console.log(`\nat ${values.times} times of that for ${values.seconds} s:`);
  console.log(`  ${describe(overload, costs)}`);
  printKinds(overload, costs);
  const share = (read: (result: Result) => number) =>
    `${((100 * read(overload)) / read(best)).toFixed(0)} %`;
  console.log(`\nwork done: ${share((result) => work(result, costs))} of the best`);
  console.log(`answered well: ${share(goodput)} of the best`);
  console.log(
    `work for each second of its CPU: ${share((result) => efficiency(result, costs))} of the best`,
  );
  console.log(
    `resident memory, MiB: ${bytes.map((each) => Math.round(each / 2 ** 20)).join(", ")}`,
  );
  console.log(`at half of the best, before: ${describe(before, costs)}`);
  console.log(`at half of the best, after: ${describe(after, costs)}`);
  console.log(`${values.connections} clients that never pause: ${describe(flood, costs)}`);
  console.log(`as before: ${recoverySeconds(before, after)} s after the end`);
}

/** @returns what stops it, and gives ten samples, spread evenly, and the largest of all */
function watchMemory({ residentBytes }: Started) {
  const samples: number[] = [];
  const take = async () => samples.push(await residentBytes());
  const timer = setInterval(() => void take().catch(() => {}), 250);
  return {
    async stop() {
      clearInterval(timer);
      await take();
      const few = Array.from(
        { length: 10 },
        (_, i) => samples[Math.round((i * (samples.length - 1)) / 9)] ?? 0,
      );
      return [...few, Math.max(...samples)];
    },
  };
}
