import { parseArgs } from "node:util";
import { SseParser } from "@peregrine/protocol/sse";
import { type Account, register } from "../support/account.ts";
import { percentile, printMachine } from "../support/machine.ts";
import { type Started, startModelServer, startServer } from "../support/processes.ts";

/**
 * What the application adds to the model's own time to the first token while many answers stream at
 * once on one process: the same questions are asked of the model server directly and through the
 * application, in turns, in one run. Checks that every token of every answer came, in order.
 */
const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "500" },
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
  },
});
const streams = Number(values.streams);
const roundSeconds = Number(values.seconds);
const tokensPerSecond = Number(values.rate);
const tokens = roundSeconds * tokensPerSecond;

type Ask = (slot: number, question: string) => Promise<Response>;
type Round = { firstTokenMs: number[]; wrong: number; answers: number; cpuSeconds: number };

printMachine(`npm run bench -- streaming ${process.argv.slice(2).join(" ")}`);
const models = await startModelServer();
const server = await startServer({ MODEL_SERVERS: models.url, MODEL: "test", LOG_LEVEL: "info" });
const account = await register(server.url);
const conversations = await Promise.all(
  Array.from({ length: streams }, () => account.newConversation()),
);

console.log(
  `${streams} streams of ${tokens} tokens at ${tokensPerSecond}/s, begun evenly over ${roundSeconds} s, ${values.rounds} rounds`,
);
console.log("first token, ms          p50     p90     p99   answers  wrong  CPU s");
const added: number[][] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const direct = await run(askModel, models);
  print("model server alone", direct);
  const through = await run(askApplication(account), server);
  print("through Peregrine", through);
  const difference = [0.5, 0.9, 0.99].map(
    (share) => percentile(through.firstTokenMs, share) - percentile(direct.firstTokenMs, share),
  );
  added.push(difference);
  console.log(row("added", difference));
}
const median = [0, 1, 2].map((i) =>
  percentile(
    added.map((round) => round[i] as number),
    0.5,
  ),
);
console.log(`\n${row("added, median of rounds", median)}`);
await server.stop();
await models.stop();
process.exit(0);

/** Keeps `streams` answers running, each slot beginning at its own moment of the round. */
async function run(ask: Ask, measured: Started): Promise<Round> {
  const round: Round = { firstTokenMs: [], wrong: 0, answers: 0, cpuSeconds: 0 };
  const cpuBefore = await measured.cpuSeconds();
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: streams }, async (_, slot) => {
      await Bun.sleep((slot / streams) * roundSeconds * 1000);
      // The first lap fills the process up; the second is measured, with all the others streaming.
      for (let lap = 0; lap < 2; lap++) {
        const firstTokenMs = await answer(ask, slot, round);
        if (lap === 1) round.firstTokenMs.push(firstTokenMs);
      }
    }),
  );
  round.cpuSeconds = (await measured.cpuSeconds()) - cpuBefore;
  const seconds = (performance.now() - startMs) / 1000;
  if (seconds > roundSeconds * 4) console.log(`(the round took ${seconds.toFixed(1)} s)`);
  return round;
}

/** @returns milliseconds from the question to the first token. */
async function answer(ask: Ask, slot: number, round: Round): Promise<number> {
  const askedMs = performance.now();
  const response = await ask(slot, `{{tokens=${tokens} rate=${tokensPerSecond}}}`);
  const parser = new SseParser();
  let firstMs = 0;
  let text = "";
  for await (const piece of response.body ?? []) {
    for (const { data } of parser.push(piece)) {
      const token = tokenOf(data);
      if (token && !firstMs) firstMs = performance.now();
      text += token;
    }
  }
  round.answers++;
  const expected = Array.from({ length: tokens }, (_, i) => `word${i}`).join(" ");
  if (text.trim() !== expected) round.wrong++;
  return firstMs - askedMs;
}

function tokenOf(data: string): string {
  if (data === "[DONE]") return "";
  const event = JSON.parse(data);
  return (event.type === "delta" ? event.text : event.choices?.[0]?.delta?.content) ?? "";
}

function askModel(_slot: number, content: string): Promise<Response> {
  return fetch(`${models.url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "test", stream: true, messages: [{ role: "user", content }] }),
  });
}

function askApplication(asker: Account): Ask {
  return (slot, question) => asker.ask(conversations[slot] as string, question);
}

function print(name: string, round: Round): void {
  const shares = [0.5, 0.9, 0.99].map((share) => percentile(round.firstTokenMs, share));
  const rest = [String(round.answers).padStart(9), String(round.wrong).padStart(6)];
  console.log(row(name, shares) + rest.join("") + round.cpuSeconds.toFixed(1).padStart(7));
}

function row(name: string, figures: number[]): string {
  return name.padEnd(24) + figures.map((figure) => figure.toFixed(2).padStart(8)).join("");
}
