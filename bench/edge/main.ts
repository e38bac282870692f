import { join } from "node:path";
import { parseArgs } from "node:util";
import { percentile, printMachine } from "../support/machine.ts";
import { proxyNames, type RunningProxy, startProxy } from "./proxies.ts";

/**
 * The front door beside nginx, HAProxy and the proxies of Node: how much each passes on for each
 * second of CPU that it uses. Every proxy runs on the same core, the server behind it on another,
 * the load on the rest, and the proxies take turns within each round, so that the noise of a shared
 * machine meets all of them.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string", default: proxyNames.join(",") },
  },
});
const seconds = Number(values.seconds);
const cores = { server: 1, proxy: 2, load: "0,3" };

type Work = {
  readonly name: string;
  /** Loads the proxy for so long, and says how much was passed on. */
  run(proxy: RunningProxy): Promise<{ count: number; cpuSeconds: number }>;
};

const works: Work[] = [
  { name: "small GET", run: (proxy) => wrk(proxy, "/", 64) },
  { name: "1 MB body", run: (proxy) => wrk(proxy, "/big", 16) },
  { name: "SSE events, 100 streams", run: (proxy) => counted(proxy, "events", 100) },
  { name: "WebSocket messages", run: (proxy) => counted(proxy, "socket", 64) },
];

printMachine(`npm run bench -- edge ${process.argv.slice(2).join(" ")}`);
const upstream = Bun.spawn(
  [
    "taskset",
    "-c",
    String(cores.server),
    process.execPath,
    join(import.meta.dirname, "upstream.ts"),
  ],
  { stdout: "pipe", stderr: "inherit" },
);
const url = (await firstLine(upstream.stdout)).trim();
const proxies: RunningProxy[] = [];
for (const name of values.only.split(",")) proxies.push(await startProxy(name, url, cores.proxy));

try {
  for (const work of works) {
    const rates = new Map<string, number[]>(proxies.map(({ name }) => [name, []]));
    // The first round warms up: code that is compiled while it runs does not show in it yet.
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (const proxy of proxies) {
        const { count, cpuSeconds } = await work.run(proxy);
        if (round > 0) rates.get(proxy.name)?.push(count / cpuSeconds);
      }
    }
    report(work.name, rates);
  }
} finally {
  for (const proxy of proxies) await proxy.stop();
  upstream.kill();
}
process.exit(0);

function report(name: string, rates: ReadonlyMap<string, readonly number[]>): void {
  console.log(`${name}, for each second of CPU`);
  const edge = rates.get("edge") ?? [];
  for (const [proxy, samples] of rates) {
    const ratios = samples.map((rate, round) => (edge[round] ?? Number.NaN) / rate);
    const ratio =
      proxy === "edge"
        ? ""
        : `   edge has ${percentile(ratios, 0.5).toFixed(2)} times as many (${percentile(ratios, 0).toFixed(2)} to ${percentile(ratios, 1).toFixed(2)})`;
    console.log(
      `  ${proxy.padEnd(22)}${Math.round(percentile(samples, 0.5)).toString().padStart(9)}${ratio}`,
    );
  }
  console.log("");
}

async function wrk(proxy: RunningProxy, path: string, connections: number) {
  const before = await proxy.cpuSeconds();
  const command = ["taskset", "-c", cores.load, "wrk", "-t2", `-c${connections}`, `-d${seconds}`];
  const load = Bun.spawn([...command, proxy.url + path], { stdout: "pipe", stderr: "inherit" });
  const text = await new Response(load.stdout).text();
  const cpuSeconds = (await proxy.cpuSeconds()) - before;
  const count = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (count === 0 || /Non-2xx|Socket errors/.test(text)) {
    console.log(
      `  ${proxy.name}: ${text.split("\n").filter((line) => /Non-2xx|errors/.test(line))}`,
    );
  }
  return { count, cpuSeconds };
}

async function counted(proxy: RunningProxy, kind: string, connections: number) {
  const load = Bun.spawn(
    [
      ...["taskset", "-c", cores.load, process.execPath, join(import.meta.dirname, "load.ts")],
      ...[kind, proxy.url, String(connections)],
    ],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const lines = linesOf(load.stdout);
  const ask = async () => {
    load.stdin.write("\n");
    await load.stdin.flush();
    return Number((await lines.next()).value);
  };
  await lines.next();
  await ask();
  const before = await proxy.cpuSeconds();
  await Bun.sleep(seconds * 1000);
  const count = await ask();
  const cpuSeconds = (await proxy.cpuSeconds()) - before;
  load.kill();
  await load.exited;
  return { count, cpuSeconds };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const line of linesOf(stream)) return line;
  throw new Error("it ended before it said where it listens");
}
