import { percentile } from "../support/machine.ts";
import { type Result, wellIn } from "./run-load.ts";

/**
 * CPU seconds that one request of each kind takes of the server and its database. With them kinds can
 * be added up: a server that refuses answers and serves four times as many reads instead has done no
 * more.
 */
export type Costs = ReadonlyMap<string, number>;

/** All that was answered well, each second. */
export function goodput(result: Result): number {
  return sum(result, (name) => wellIn(result, name));
}

/** The same as CPU seconds of work that came to something, each second. */
export function work(result: Result, costs: Costs): number {
  return sum(result, (name) => wellIn(result, name) * (costs.get(name) ?? Number.NaN));
}

/** The share of the CPU used that came to something: 1 if nothing of it went into refusals. */
export function efficiency(result: Result, costs: Costs): number {
  return work(result, costs) / result.allCores;
}

/** Of all that was answered well; NaN for a kind that never was. */
function quantile({ outcomes }: Result, fraction: number, name?: string): number {
  const tookMs = [...outcomes].flatMap(([kind, outcome]) =>
    name === undefined || name === kind ? outcome.tookMs.flat() : [],
  );
  return percentile(tookMs, fraction);
}

/** What came of each kind, as a table. */
export function printKinds(result: Result, costs: Costs): void {
  const columns = [
    "CPU ms",
    "offered/s",
    "unsent",
    "refused",
    "failed",
    "well/s",
    "p50 ms",
    "p99 ms",
  ];
  console.log(`  ${"".padEnd(28)}${columns.map((column) => column.padStart(10)).join("")}`);
  for (const [name, outcome] of result.outcomes) {
    const { offered, unsent, refused } = outcome;
    const failed = Object.values(outcome.failed).reduce((total, times) => total + times, 0);
    const cells = [
      (1000 * (costs.get(name) ?? Number.NaN)).toFixed(2),
      (offered / result.seconds).toFixed(0),
      percent(unsent, offered),
      percent(refused, offered),
      String(failed),
      wellIn(result, name).toFixed(0),
      quantile(result, 0.5, name).toFixed(1),
      quantile(result, 0.99, name).toFixed(1),
    ];
    console.log(`  ${name.padEnd(28)}${cells.map((cell) => cell.padStart(10)).join("")}`);
  }
  const failed = new Map<string, number>();
  for (const { failed: ways } of result.outcomes.values()) {
    for (const [how, times] of Object.entries(ways))
      failed.set(how, (failed.get(how) ?? 0) + times);
  }
  for (const [how, times] of failed) console.log(`  failed: ${times} ${how}`);
}

/** In one line: the whole of it. */
export function describe(result: Result, costs: Costs): string {
  const all = (read: "offered" | "unsent" | "refused") =>
    [...result.outcomes.values()].reduce((total, outcome) => total + outcome[read], 0);
  return [
    `offered ${(all("offered") / result.seconds).toFixed(0)}/s`,
    `unsent ${percent(all("unsent"), all("offered"))}`,
    `refused ${percent(all("refused"), all("offered"))}`,
    `well ${goodput(result).toFixed(0)}/s`,
    `work ${work(result, costs).toFixed(2)}`,
    `server ${result.serverCores.toFixed(2)} cores, with database ${result.allCores.toFixed(2)}`,
    `p50 ${quantile(result, 0.5).toFixed(1)} ms`,
    `p99 ${quantile(result, 0.99).toFixed(1)} ms`,
    `load ${Math.round(100 * result.busiest)} % of a core, ${result.lateMs.toFixed(0)} ms late at most`,
  ].join(", ");
}

/**
 * Seconds from the beginning of a load until it goes as it should to its end: nothing refused, and
 * the 99th percentile of no second more than three times what it was before, and 10 ms.
 */
export function recoverySeconds(before: Result, after: Result): number {
  const usualMs = 3 * quantile(before, 0.99) + 10;
  for (let second = after.seconds - 1; second >= 0; second--) {
    const outcomes = [...after.outcomes.values()];
    const tookMs = outcomes.flatMap((outcome) => outcome.tookMs[second] ?? []);
    const isRefused = outcomes.some((outcome) => (outcome.refusedIn[second] ?? 0) > 0);
    if (isRefused || tookMs.length === 0 || percentile(tookMs, 0.99) > usualMs) return second + 1;
  }
  return 0;
}

function sum({ outcomes }: Result, read: (name: string) => number): number {
  return [...outcomes.keys()].reduce((total, name) => total + read(name), 0);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}
