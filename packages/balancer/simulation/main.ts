import { readFile, writeFile } from "node:fs/promises";
import { scenario } from "./scenario.ts";
import { publishedSeed, simulationTable } from "./table.ts";

/**
 * `npm run simulate -w @peregrine/balancer [-- --seed 7]` prints the table;
 * `-- --write` puts it into docs/balancing.md.
 */
const seedAt = process.argv.indexOf("--seed");
const seed = seedAt < 0 ? publishedSeed : Number(process.argv[seedAt + 1]);
if (!Number.isInteger(seed)) throw new Error("--seed must be followed by a whole number");

const table = await simulationTable(scenario, seed);
process.stdout.write(`${table}\n`);
if (process.argv.includes("--write")) {
  const page = new URL("../../../docs/balancing.md", import.meta.url);
  const text = await readFile(page, "utf8");
  const marked = /(<!-- simulation -->\n)[\s\S]*?(\n<!-- \/simulation -->)/;
  if (!marked.test(text)) throw new Error("docs/balancing.md has no place marked for the table");
  await writeFile(page, text.replace(marked, `$1${table}$2`));
}
