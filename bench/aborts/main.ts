import { parseArgs } from "node:util";
import { register } from "../support/account.ts";
import { printMachine } from "../support/machine.ts";
import { startModelServer, startServer } from "../support/processes.ts";

/**
 * Whether clients that leave in the middle of an answer cost memory: asks, leaves after the first
 * bytes, and reads the server's resident memory as it goes. With `cancelWhenAlone` the model is left
 * too, so nothing should remain of any of them.
 */
const { values } = parseArgs({
  options: { aborts: { type: "string", default: "10000" }, at: { type: "string", default: "50" } },
});
const aborts = Number(values.aborts);
const atOnce = Number(values.at);
const steps = 10;

printMachine(`npm run bench -- aborts ${process.argv.slice(2).join(" ")}`);
const models = await startModelServer();
const server = await startServer({ MODEL_SERVERS: models.url, MODEL: "test" });
const account = await register(server.url);

const megabytes: number[] = [];
let left = 0;
console.log("answers left    resident MB");
for (let step = 0; step <= steps; step++) {
  // The first step warms up: it is measured, and not what the others are compared with.
  await Promise.all(Array.from({ length: atOnce }, () => leave(aborts / steps / atOnce)));
  await Bun.sleep(1000);
  megabytes.push((await server.residentBytes()) / 2 ** 20);
  console.log(`${String(left).padStart(12)} ${megabytes.at(-1)?.toFixed(1).padStart(14)}`);
}
const half = megabytes.slice(1, 1 + steps / 2);
const rest = megabytes.slice(1 + steps / 2);
const mean = (samples: number[]) => samples.reduce((a, b) => a + b, 0) / samples.length;
const growth = mean(rest) / mean(half);
console.log(`\nsecond half over first half: ${growth.toFixed(3)}`);
await server.stop();
await models.stop();
process.exit(0);

/** Asks and leaves, one answer after another. */
async function leave(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const conversation = await account.newConversation({ cancelWhenAlone: true });
    const abort = new AbortController();
    const response = await account.ask(conversation, "{{tokens=5000 rate=50}}", abort.signal);
    await response.body?.getReader().read();
    abort.abort();
    left++;
  }
}
