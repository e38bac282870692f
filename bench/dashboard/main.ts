import { parseArgs } from "node:util";
import { launchBrowser, newPerson, signUp } from "@peregrine/e2e/browser";
import { newConversations, register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { startModelServer, startServer } from "../support/processes.ts";
import { type Frames, type Held, watchPage } from "./page-watch.ts";
import { startSteadyLoad } from "./steady-load.ts";

/**
 * Whether the performance page keeps its 60 frames a second, and lets go of what it no longer
 * shows, for as long as it is open: `npm run bench -- dashboard 10` for ten minutes. In headless
 * Chromium, which draws without a GPU, on a server under a steady load. Before it, a page that
 * stands still shows what the machine takes by itself.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rate: { type: "string", default: "200" } },
});
const minutes = Number(positionals[0] ?? 10);
const minuteMs = 60_000;
const mebibyte = 2 ** 20;

printMachine(`npm run bench -- dashboard ${process.argv.slice(2).join(" ")}`);
const models = await startModelServer();
const server = await startServer({
  MODEL_SERVERS: models.url,
  MODEL: "test",
  METRICS_PORT: "0",
  LOG_LEVEL: "info",
});
const browser = await launchBrowser();
const { page, problems } = await newPerson(browser);
await signUp(page, server.url);
const account = await register(server.url);
const [conversation = ""] = await newConversations(account, 20);
const load = startSteadyLoad(server.url, account, conversation, Number(values.rate));

console.log(`${values.rate} requests a second; frames in ms\n`);
console.log(
  "                 frames/s    p50    p95    p99  > 17 ms  > 25 ms  > 50 ms  long tasks   heap MiB  nodes  listeners  requests/s",
);
await page.goto(`${server.url}/settings`);
await page.getByRole("heading", { level: 1 }).waitFor();
const still = await watchPage(page);
await watchFor(still, "a still page", minuteMs / 3);

await page.goto(`${server.url}/performance`);
await page.getByText("Live", { exact: true }).waitFor();
await page.getByRole("img", { name: /^Response time: / }).waitFor();
const watch = await watchPage(page);
// The first two minutes of seconds fill up, and what is compiled is compiled.
const held: Held[] = [];
for (let minute = 1; minute <= minutes; minute++) {
  held.push(await watchFor(watch, `minute ${minute}`, minuteMs));
}
load.stop();
const [first, last] = [held[Math.min(2, held.length - 1)], held.at(-1)];
if (first && last) {
  console.log(
    `\nheap, nodes and listeners from minute ${Math.min(3, held.length)} to ${held.length}: ${signed((last.heapBytes - first.heapBytes) / mebibyte, 2)} MiB, ${signed(last.nodes - first.nodes)}, ${signed(last.listeners - first.listeners)}`,
  );
}
if (problems.length > 0) console.log(`The page failed: ${problems.join("; ")}`);
await browser.close();
await server.stop();
await models.stop();
process.exit(0);

async function watchFor(
  { takeFrames, held }: Awaited<ReturnType<typeof watchPage>>,
  name: string,
  spanMs: number,
): Promise<Held> {
  await takeFrames();
  load.take();
  const startedMs = performance.now();
  await Bun.sleep(spanMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const frames = await takeFrames();
  const { answered, failed } = load.take();
  const after = await held();
  const rate = `${(answered / seconds).toFixed(0)}${failed > 0 ? `, ${failed} failed` : ""}`;
  console.log(
    `${name.padEnd(14)}${describe(frames, seconds)}${describeHeld(after)}${rate.padStart(12)}`,
  );
  return after;
}

function describe({ intervalsMs, longTaskMs }: Frames, seconds: number): string {
  const quantile = (share: number) => percentile(intervalsMs, share).toFixed(1).padStart(7);
  const beyond = (ms: number) => {
    const share = intervalsMs.filter((interval) => interval > ms).length / intervalsMs.length;
    return `${(share * 100).toFixed(2)} %`.padStart(9);
  };
  const longMs = longTaskMs.reduce((sum, ms) => sum + ms, 0);
  const long = `${longTaskMs.length}, ${longMs.toFixed(0)} ms`.padStart(12);
  return `${(intervalsMs.length / seconds).toFixed(1).padStart(11)}${quantile(0.5)}${quantile(0.95)}${quantile(0.99)}${beyond(17)}${beyond(25)}${beyond(50)}${long}`;
}

function describeHeld({ heapBytes, nodes, listeners }: Held): string {
  return `${(heapBytes / mebibyte).toFixed(2).padStart(11)}${String(nodes).padStart(7)}${String(listeners).padStart(11)}`;
}

function signed(value: number, digits = 0): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(digits)}`;
}
