import { join } from "node:path";
import { type Account, register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { type Started, startServer } from "../support/processes.ts";

/**
 * What becomes of a server that gets three times what it can bear: `npm run bench -- overload
 * [seconds]`. New conversations, each a write to the database, since reads from the cache cost
 * little more than to refuse them.
 */
type Outcome = {
  sent: number;
  sentForSeconds: number;
  refused: number;
  failed: number;
  tookMs: number[];
};

const seconds = Number(process.argv[2] ?? 20);
const generators = 2;
const closedLoop = 48;

printMachine(`npm run bench -- overload ${seconds}`);
const server = await startServer({ METRICS_PORT: "0", LOG_LEVEL: "info" });
try {
  const account = await register(server.url);
  await bestRate(account, 2);
  const best = await bestRate(account, 8);
  console.log(`best, ${closedLoop} at a time: ${best.toFixed(0)} a second`);
  const [restMs] = await probe(server, account, 100);

  let mostBytes = 0;
  const watching = setInterval(async () => {
    mostBytes = Math.max(mostBytes, await server.residentBytes());
  }, 250);
  const outcomes = await overload(server, account, 3 * best);
  const overAtMs = performance.now();
  clearInterval(watching);
  const recoverySeconds = await recovery(server, account, restMs ?? 1, overAtMs);

  const sum = (read: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + read(outcome), 0);
  const sentFor = Math.max(...outcomes.map(({ sentForSeconds }) => sentForSeconds));
  const tookMs = outcomes.flatMap((outcome) => outcome.tookMs);
  const goodput = tookMs.length / sentFor;
  console.log(
    `offered: ${(sum(({ sent }) => sent) / sentFor).toFixed(0)} a second for ${sentFor.toFixed(0)} s`,
  );
  console.log(
    `goodput: ${goodput.toFixed(0)} a second, ${Math.round((100 * goodput) / best)} % of the best`,
  );
  console.log(
    `admitted: p50 ${percentile(tookMs, 0.5).toFixed(0)} ms, p99 ${percentile(tookMs, 0.99).toFixed(0)} ms`,
  );
  console.log(`refused: ${sum(({ refused }) => refused)}, failed: ${sum(({ failed }) => failed)}`);
  console.log(`resident memory at most: ${Math.round(mostBytes / 2 ** 20)} MiB`);
  console.log(`as quick as before: ${recoverySeconds.toFixed(1)} s after the end`);
} finally {
  await server.stop();
}

/** What gets done when each of some asks again as soon as it was answered. */
async function bestRate(account: Account, forSeconds: number): Promise<number> {
  const untilMs = performance.now() + forSeconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: closedLoop }, async () => {
      while (performance.now() < untilMs) {
        await account.newConversation();
        done++;
      }
    }),
  );
  return done / forSeconds;
}

async function overload(
  { url }: Started,
  { cookie }: Account,
  perSecond: number,
): Promise<Outcome[]> {
  const script = join(import.meta.dirname, "generate.ts");
  const rate = String(Math.round(perSecond / generators));
  return Promise.all(
    Array.from({ length: generators }, async () => {
      const child = Bun.spawn([process.execPath, script, url, cookie, rate, String(seconds)], {
        stdout: "pipe",
        env: process.env,
      });
      return JSON.parse(await new Response(child.stdout).text()) as Outcome;
    }),
  );
}

/** How long requests take, one after the other: the median. */
async function probe(
  { url }: Started,
  { cookie }: Account,
  times: number,
): Promise<[ms: number, isWell: boolean]> {
  const tookMs: number[] = [];
  let isWell = true;
  for (let i = 0; i < times; i++) {
    const startedMs = performance.now();
    const response = await fetch(`${url}/api/v1/me`, { headers: { cookie } });
    await response.arrayBuffer();
    isWell &&= response.ok;
    tookMs.push(performance.now() - startedMs);
  }
  return [percentile(tookMs, 0.5), isWell];
}

async function recovery(
  server: Started,
  account: Account,
  restMs: number,
  overAtMs: number,
): Promise<number> {
  for (;;) {
    const [ms, isWell] = await probe(server, account, 20);
    if (isWell && ms < 2 * restMs + 1) return (performance.now() - overAtMs) / 1000;
    if (performance.now() - overAtMs > 60_000) return Number.POSITIVE_INFINITY;
    await Bun.sleep(100);
  }
}
