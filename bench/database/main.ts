import { chmodSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { migrateDatabase, openDatabase, startEmbeddedPostgres } from "@peregrine/database";
import { SQL } from "bun";
import { describeMachine, percentile } from "../support/machine.ts";
import { Dataset } from "./dataset.ts";
import { type Measurement, makeMeasurements } from "./measurements.ts";
import { type Figures, renderReport, type Stage } from "./report.ts";
import { writeReport } from "./write-report.ts";

/**
 * How long the queries of the application take while the database grows from a hundred thousand
 * messages, beside the same asked naively: `npm run bench -- database --messages 1000000`. With
 * `--write` the table and its plots go into docs/performance.md.
 */
const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "3" },
    directory: { type: "string", default: tmpdir() },
    write: { type: "boolean", default: false },
  },
});
const most = Number(values.messages);
const sizes = [100_000, 1_000_000, 10_000_000].filter((size) => size < most).concat(most);
const budgetMs = Number(values.seconds) * 1000;
if (!(most >= 100_000)) throw new Error(`--messages ${values.messages}: at least 100000`);

const machine = describeMachine(`npm run bench -- database ${process.argv.slice(2).join(" ")}`);
console.log(machine);
const directory = mkdtempSync(join(values.directory, "peregrine-bench-"));
// Where the bench is root, the account that Postgres runs as has to pass.
chmodSync(directory, 0o711);
const postgres = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
try {
  await migrateDatabase(postgres.url);
  const data = new Dataset(postgres.url, most);
  const stages: Stage[] = [];
  for (const messages of sizes) {
    const startedMs = performance.now();
    await data.fillTo(messages);
    await readAll(join(directory, "postgres"));
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    console.log(`${messages} messages, filled and analysed in ${seconds} s`);
    stages.push({ messages, figures: await measureAll(data) });
  }
  await data.close();
  console.log(`\n${renderReport(stages)}`);
  if (values.write) await writeReport(machine, stages);
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}

/**
 * Brings the database into the system's cache, as far as it has room: what a machine that has served
 * for a while has there. Filling leaves what was written last, which is not the same at each size.
 */
async function readAll(data: string): Promise<void> {
  for (const file of globSync("**/base/*/*", { cwd: data })) {
    for await (const _ of Bun.file(join(data, file)).stream());
  }
}

/** New connections for each size: a plan that was made for fewer rows is not what would run. */
async function measureAll(data: Dataset): Promise<Figures[]> {
  const database = openDatabase({ url: postgres.url, poolSize: 4 });
  const sql = new SQL({ url: postgres.url, max: 1, connection: { statement_timeout: 60_000 } });
  const all: Figures[] = [];
  for (const measurement of await makeMeasurements(database, sql, data)) {
    const figures = await measure(measurement);
    all.push(figures);
    const naive = figures.naive
      ? `   ${figures.naive.name}: ${figures.naive.p50Ms.toFixed(2)}`
      : "";
    console.log(
      `  ${figures.name.padEnd(34)} p50 ${figures.p50Ms.toFixed(2)}  p99 ${figures.p99Ms.toFixed(2)} ms${naive}`,
    );
  }
  await sql.close();
  await database.close();
  return all;
}

async function measure({ name, run, naive, budget = {} }: Measurement): Promise<Figures> {
  const ours = await sample(run, 1_000);
  const theirs = naive && { name: naive.name, ...(await sample(naive.run, 100)) };
  return { name, ...ours, ...(theirs && { naive: theirs }), budget };
}

/** One at a time, so often or for so long; the first tenth, in which caches fill, is left out. */
async function sample(run: () => Promise<unknown>, times: number) {
  const samples: number[] = [];
  const untilMs = performance.now() + budgetMs;
  for (let i = 0; i < times && (i < 3 || performance.now() < untilMs); i++) {
    const startedMs = performance.now();
    await run();
    samples.push(performance.now() - startedMs);
  }
  const warm = samples.slice(Math.ceil(samples.length / 10));
  return { p50Ms: percentile(warm, 0.5), p99Ms: percentile(warm, 0.99) };
}
