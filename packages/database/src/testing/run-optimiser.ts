import { openOptimiser } from "../optimiser/optimiser.ts";

/*
 * Runs one job of the optimiser as a process of its own, for the test that kills that process:
 * `bun run-optimiser.ts <url>`. Prints a line when the job has begun.
 */
const [url = ""] = process.argv.slice(2);
const optimiser = openOptimiser({ url, limits: { pollMs: 10 } });
const run = await optimiser.start("command");
console.log(JSON.stringify(run));
await optimiser.ended();
await optimiser.close();
