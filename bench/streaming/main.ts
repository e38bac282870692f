import { join } from "node:path";
import { parseArgs } from "node:util";
import { newConversations, register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { fork, startModelServer, startServer } from "../support/processes.ts";
import type { LoadMessage } from "./load.ts";
import { readAnswer } from "./read-answer.ts";

/**
 * What the application adds to the model's own time to the first token while many answers stream on
 * one process. One process holds the streams and checks that every token of every answer comes, in
 * order. This one does nothing but ask, by turns, the model server itself and the application, one
 * question at a time, and takes the time until the first token is in hand: so both see the same
 * machine, the same load on the model server, and a client that is never busy.
 */
const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "500" },
    /** Of an answer, and of a round. */
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
  },
});
const roundMs = Number(values.seconds) * 1000;
const tokens = Number(values.seconds) * Number(values.rate);
/** Between two pairs of questions. */
const pauseMs = 20;

printMachine(`npm run bench -- streaming ${process.argv.slice(2).join(" ")}`);
const models = await startModelServer();
const server = await startServer({ MODEL_SERVERS: models.url, MODEL: "test", LOG_LEVEL: "info" });
const account = await register(server.url);
const conversations = await newConversations(account, 50);
const steady = Promise.withResolvers<void>();
const report = Promise.withResolvers<Extract<LoadMessage, { type: "report" }>>();
const load = fork(
  join(import.meta.dirname, "load.ts"),
  [server.url, account.cookie, values.streams, String(tokens), values.rate],
  (message: LoadMessage) => {
    if (message.type === "steady") steady.resolve();
    else report.resolve(message);
  },
);
await steady.promise;

console.log(`${values.streams} streams of ${tokens} tokens at ${values.rate}/s`);
console.log("                             first token, ms               cores in use");
console.log(
  "                             p50     p90     p99  asked   model server  Peregrine  streams  this",
);
const all = { direct: [] as number[], through: [] as number[], database: [] as number[] };
const medians: number[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  const { direct, through, database, cores } = await measure();
  all.direct.push(...direct);
  all.through.push(...through);
  all.database.push(...database);
  medians.push(percentile(through, 0.5) - percentile(direct, 0.5));
  console.log(`${row(`round ${round}: model server`, quantiles(direct))}${asked(direct)}`);
  const used = cores.map((share, i) => share.toFixed(2).padStart([15, 11, 9, 6][i] as number));
  console.log(`${row("through Peregrine", quantiles(through))}${asked(through)}${used.join("")}`);
}
console.log(row("all: model server", quantiles(all.direct)) + asked(all.direct));
console.log(row("through Peregrine", quantiles(all.through)) + asked(all.through));
const added = quantiles(all.through).map((ms, i) => ms - (quantiles(all.direct)[i] as number));
console.log(row("added", added));
console.log(row("of it, the database", quantiles(all.database)));
console.log(`added at the median, by round: ${medians.map((ms) => ms.toFixed(2)).join(", ")}`);

load.send("stop");
const { answers, wrong, failed, tokens: checked } = await report.promise;
console.log(
  `\n${answers} answers, ${checked} tokens: ${wrong} answers not as they were sent, ${failed.length} failed`,
);
for (const failure of new Set(failed)) console.log(failure);
await server.stop();
await models.stop();
process.exit(wrong + failed.length > 0 ? 1 : 0);

async function measure() {
  const direct: number[] = [];
  const through: number[] = [];
  const database: number[] = [];
  const startedMs = performance.now();
  const before = await cpuSeconds();
  for (let turn = 0; performance.now() - startedMs < roundMs; turn++) {
    const conversation = conversations[turn % conversations.length] as string;
    const pair = [
      async () => direct.push(await firstTokenMs(askModel)),
      async () =>
        through.push(
          await firstTokenMs(async (text) => {
            const response = await account.ask(conversation, text);
            database.push(databaseMs(response));
            return response;
          }),
        ),
    ];
    for (const ask of turn % 2 === 0 ? pair : pair.reverse()) await ask();
    await Bun.sleep(pauseMs);
  }
  const after = await cpuSeconds();
  const seconds = (performance.now() - startedMs) / 1000;
  const cores = after.map((used, i) => (used - (before[i] as number)) / seconds);
  return { direct, through, database, cores };
}

async function firstTokenMs(ask: (question: string) => Promise<Response>): Promise<number> {
  const askedAtMs = performance.now();
  const { firstTokenAtMs } = await readAnswer(await ask("{{tokens=2}}"));
  return firstTokenAtMs - askedAtMs;
}

function askModel(content: string): Promise<Response> {
  return fetch(`${models.url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "test", stream: true, messages: [{ role: "user", content }] }),
  });
}

/** What the application waited for its database, until the question was saved. */
function databaseMs({ headers }: Response): number {
  return Number(/db;dur=([\d.]+)/.exec(headers.get("server-timing") ?? "")?.[1] ?? 0);
}

async function cpuSeconds(): Promise<number[]> {
  const own = process.cpuUsage();
  const others = await Promise.all([models, server, load].map((each) => each.cpuSeconds()));
  return [...others, (own.user + own.system) / 1e6];
}

function quantiles(samples: number[]): number[] {
  return [0.5, 0.9, 0.99].map((share) => percentile(samples, share));
}

function row(name: string, figures: number[]): string {
  return name.padEnd(24) + figures.map((figure) => figure.toFixed(2).padStart(8)).join("");
}

function asked(samples: number[]): string {
  return String(samples.length).padStart(7);
}
