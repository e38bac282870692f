/** Times several subjects in turn, round after round, so that noise of the machine meets them all. */
export async function inRounds<S extends { name: string }>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S) => Promise<number>,
): Promise<Results> {
  const results = new Map(subjects.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const subject of subjects) {
      const figure = await measure(subject);
      // The first round warms up.
      if (round >= 0) results.get(subject.name)?.push(figure);
    }
  }
  return results;
}

/** The figures of each subject, one a round. */
export type Results = ReadonlyMap<string, readonly number[]>;

/** How many times the figure of `other` one's own is, each in its best round: noise only adds. */
export function ratio(results: Results, name: string, other: string): number {
  const best = (of: string) => Math.min(...(results.get(of) ?? []));
  return best(name) / best(other);
}

function medianRatio(results: Results, name: string, other: string): number {
  const others = results.get(other) ?? [];
  return median((results.get(name) ?? []).map((figure, round) => figure / (others[round] ?? NaN)));
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

/** A table of medians, of the best, and of the median over rounds of each one's ratio to the first. */
export function printTable(title: string, unit: string, results: Results): void {
  console.log(`\n${title}`);
  const [base = ""] = results.keys();
  for (const [name, figures] of results) {
    const best = Math.min(...figures);
    console.log(
      `  ${name.padEnd(24)} ${format(median(figures)).padStart(10)} ${unit}   best ${format(best).padStart(8)}   x${medianRatio(results, name, base).toFixed(2)}`,
    );
  }
}

/** What was promised beside what was measured. */
export function printBudget(
  what: string,
  measured: number,
  bound: { most?: number; least?: number },
) {
  const { most = Number.POSITIVE_INFINITY, least = 0 } = bound;
  const verdict = measured <= most && measured >= least ? "held" : "MISSED";
  const promised = bound.most === undefined ? `at least ${least}` : `at most ${most}`;
  console.log(`  ${what}: ${measured.toFixed(2)} times, ${promised}: ${verdict}`);
}

function format(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(1);
}
