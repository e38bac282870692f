import { type AlgorithmName, algorithmNames } from "../src/index.ts";
import type { Scenario } from "./scenario.ts";
import { type SimulationResult, simulate } from "./simulate.ts";

/** The seed of the published table; any other gives nearly the same. */
export const publishedSeed = 1;

/** One algorithm, choosing by itself and guarded by health and retries. */
interface Comparison {
  readonly algorithm: AlgorithmName;
  readonly alone: SimulationResult;
  readonly guarded: SimulationResult;
}

export async function compare(
  scenario: Scenario,
  algorithm: AlgorithmName,
  seed: number,
): Promise<Comparison> {
  return {
    algorithm,
    alone: await simulate(scenario, { algorithm, isGuarded: false, seed }),
    guarded: await simulate(scenario, { algorithm, isGuarded: true, seed }),
  };
}

/** Runs every algorithm and gives the comparison as a table in Markdown. */
export async function simulationTable(scenario: Scenario, seed: number): Promise<string> {
  const rows = [
    ["algorithm", "success", "p50", "p99", "guarded: success", "p50", "p99", "retries"],
  ];
  for (const algorithm of algorithmNames) {
    rows.push(tableCells(await compare(scenario, algorithm, seed)));
  }
  return formatTable(rows);
}

export function tableCells({ algorithm, alone, guarded }: Comparison): string[] {
  return [`\`${algorithm}\``, ...figures(alone), ...figures(guarded), String(guarded.retries)];
}

export function successPercent({ requests, failed }: SimulationResult): number {
  return 100 * (1 - failed / requests);
}

function figures(result: SimulationResult): string[] {
  return [
    `${successPercent(result).toFixed(3)} %`,
    `${Math.round(result.p50Ms)} ms`,
    `${Math.round(result.p99Ms)} ms`,
  ];
}

/** Padded as the formatter wants it: the first column to the left, the others to the right. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const padded = rows.map((row) =>
    line(
      row.map((cell, at) =>
        at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      ),
    ),
  );
  const rule = line(
    widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)),
  );
  return [padded[0], rule, ...padded.slice(1)].join("\n");
}
