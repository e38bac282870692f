import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { RunningProgram } from "../../apps/edge/src/testing/running-program.ts";
import type { LoadMessage } from "../streaming/load.ts";
import { register } from "../support/account.ts";
import { printMachine } from "../support/machine.ts";
import { fork, startModelServer } from "../support/processes.ts";
import { within } from "../support/within.ts";
import type { ReadReport } from "./read.ts";

/**
 * Whether servers can be replaced without anybody noticing: what `npm start -- --servers 4` runs is
 * told to by SIGHUP while answers stream and requests come. Ends with 1 where a request failed, an
 * answer was not whole or not in order, or a server is still the old one.
 */
const { values } = parseArgs({
  options: {
    servers: { type: "string", default: "4" },
    streams: { type: "string", default: "200" },
    /** Reads a second. */
    requests: { type: "string", default: "2000" },
  },
});
const answerTokens = 100;
const tokensPerSecond = 20;
const replaceWithinMs = 180_000;

printMachine(`npm run bench -- rolling-restart ${process.argv.slice(2).join(" ")}`);
const directory = mkdtempSync(join(tmpdir(), "peregrine-bench-"));
// Where this runs as root, the account that Postgres runs as has to pass.
chmodSync(directory, 0o711);
const models = await startModelServer();
const program = new RunningProgram(["--servers", values.servers], {
  PORT: "0",
  EDGE_ADMIN_PORT: "0",
  EDGE_MAX_CONNECTIONS_PER_ADDRESS: "0",
  DATA_DIR: directory,
  MODEL_SERVERS: models.url,
  MODEL: "test",
  // A server that sheds load does so by design, and would count as a failure here.
  CPU_THRESHOLD: "1",
  MEMORY_THRESHOLD: "1",
  SHUTDOWN_TIMEOUT: "5",
});
process.on("exit", () => program.signal("SIGTERM"));
let isWell = false;
try {
  isWell = await replaceUnderLoad();
} finally {
  await program.stop();
  await models.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(isWell ? 0 : 1);

async function replaceUnderLoad(): Promise<boolean> {
  const { url, adminUrl } = await program.ready();
  const account = await register(url);
  const steady = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Extract<LoadMessage, { type: "report" }>>();
  const answers = fork(
    join(import.meta.dirname, "../streaming/load.ts"),
    [url, account.cookie, values.streams, String(answerTokens), String(tokensPerSecond)],
    (message: LoadMessage) => {
      if (message.type === "steady") steady.resolve();
      else answered.resolve(message);
    },
  );
  await within(60_000, "all answers streaming", steady.promise);
  const read = Promise.withResolvers<ReadReport>();
  const reads = fork(
    join(import.meta.dirname, "read.ts"),
    [url, account.cookie, values.requests],
    read.resolve,
  );
  await Bun.sleep(1000);

  const before = await serverUrls(adminUrl);
  const startedMs = performance.now();
  program.signal("SIGHUP");
  const outcomes = ["all servers are replaced", "a server was not replaced; the old ones go on"];
  const { msg } = await program.line((line) => outcomes.includes(line.msg), replaceWithinMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const after = await serverUrls(adminUrl);
  await Bun.sleep(1000);
  reads.send("stop");
  answers.send("stop");
  const reports = Promise.all([read.promise, answered.promise]);
  const [reading, answering] = await within(120_000, "the last answers", reports);

  const failures = Object.entries(reading.failed);
  const failed = failures.reduce((total, [, times]) => total + times, 0);
  const whole = answering.answers - answering.wrong - answering.failed.length;
  const kept = after.filter((each) => before.includes(each)).length;
  console.log(
    `offered: ${values.streams} answers at once of ${answerTokens} tokens at ${tokensPerSecond} a second, ${(reading.sent / reading.seconds).toFixed(0)} requests a second`,
  );
  console.log(
    `replaced: ${after.length - kept} of ${before.length} servers in ${seconds.toFixed(1)} s: ${msg}`,
  );
  console.log(`requests: ${reading.sent}, failed: ${failed}`);
  console.log(`answers: ${answering.answers}, whole and in order: ${whole}`);
  for (const [problem, times] of failures) console.log(`  ${times} times ${problem}`);
  for (const problem of answering.failed.slice(0, 10)) console.log(`  an answer: ${problem}`);
  const areAllNew = kept === 0 && after.length === before.length;
  return areAllNew && reading.sent > 0 && failed === 0 && whole === answering.answers;
}

async function serverUrls(adminUrl: string): Promise<string[]> {
  const response = await fetch(`${adminUrl}/edge/servers`);
  const { servers } = (await response.json()) as { servers: { url: string }[] };
  return servers.map((server) => server.url);
}
