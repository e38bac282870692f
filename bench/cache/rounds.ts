/** Times several subjects in turn, round after round, so that noise of the machine meets them all. */
export async function inRounds<S extends { name: string }>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S) => Promise<number>,
): Promise<Map<string, number[]>> {
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

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

/** A table of medians, and of the median over rounds of each one's ratio to the first. */
export function printTable(
  title: string,
  unit: string,
  results: ReadonlyMap<string, readonly number[]>,
): void {
  console.log(`\n${title}`);
  const [base] = results.values();
  for (const [name, figures] of results) {
    const ratios = figures.map((figure, round) => figure / (base?.[round] ?? Number.NaN));
    const best = Math.min(...figures);
    console.log(
      `  ${name.padEnd(24)} ${format(median(figures)).padStart(10)} ${unit}   best ${format(best).padStart(8)}   x${median(ratios).toFixed(2)}`,
    );
  }
}

function format(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(1);
}
