import { cpus, totalmem } from "node:os";

/** What a figure was measured on, and how. */
export function describeMachine(command: string): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `machine: ${cpus().length} x ${cpu?.model.trim()}, ${memory} GiB, shared
runtime: Bun ${Bun.version} on ${process.platform} ${process.arch}
command: ${command}
`;
}

export function printMachine(command: string): void {
  console.log(describeMachine(command));
}

/** The value below which a share of the samples lies. */
export function percentile(samples: readonly number[], fraction: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
