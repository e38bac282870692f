import type { Measurement } from "./measurements.ts";

type Times = { p50Ms: number; p99Ms: number };

export type Figures = Times & {
  name: string;
  naive?: Times & { name: string };
  budget: NonNullable<Measurement["budget"]>;
};

/** What was measured at one size. */
export type Stage = { messages: number; figures: Figures[] };

/** The figures as a table, and what the budget says of them. */
export function renderReport(stages: readonly Stage[]): string {
  const [first, last] = [stages[0], stages.at(-1)];
  if (!first || !last) return "";
  const sizes = stages.map(({ messages }) => short(messages));
  const head = [
    "query",
    ...sizes.map((size) => `${size}: p50 / p99`),
    "naively",
    `${sizes.at(-1)}: p50 / p99`,
    "ratio",
  ];
  const rows = last.figures.map((figures, i) => [
    figures.name,
    ...stages.map((stage) => times(stage.figures[i])),
    figures.naive?.name ?? "",
    figures.naive ? times(figures.naive) : "",
    figures.naive ? ratio(figures.naive.p50Ms / figures.p50Ms) : "",
  ]);
  const verdicts = last.figures.flatMap((figures, i) => judge(first, figures, i));
  return [
    "Milliseconds, one at a time.",
    "",
    table(head, rows),
    "",
    table(["budget", "measured", ""], verdicts),
  ].join("\n");
}

function judge(first: Stage, last: Figures, index: number): string[][] {
  const verdicts: string[][] = [];
  const before = first.figures[index];
  const { flat, timesNaive } = last.budget;
  if (flat !== undefined && before) {
    const growth = last.p50Ms / before.p50Ms;
    verdicts.push([
      `${last.name}: within ${flat} times of what it is at ${short(first.messages)}`,
      ratio(growth),
      growth <= flat ? "held" : "missed",
    ]);
  }
  if (timesNaive !== undefined && last.naive) {
    const faster = last.naive.p50Ms / last.p50Ms;
    verdicts.push([
      `${last.name}: ${timesNaive} times as fast as ${last.naive.name}`,
      ratio(faster),
      faster >= timesNaive ? "held" : "missed",
    ]);
  }
  return verdicts;
}

export function short(messages: number): string {
  return messages >= 1_000_000 ? `${messages / 1_000_000} million` : `${messages / 1_000} thousand`;
}

function times(it: Times | undefined): string {
  return it ? `${figure(it.p50Ms)} / ${figure(it.p99Ms)}` : "";
}

function figure(ms: number): string {
  return ms >= 10 ? ms.toFixed(0) : ms.toFixed(2);
}

function ratio(value: number): string {
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} ×`;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
