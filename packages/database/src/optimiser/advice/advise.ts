import type { Advice } from "@peregrine/protocol";
import { DatabaseUnavailableError } from "../../errors.ts";
import { adviseSettings } from "../check-settings.ts";
import type { JobContext } from "../job-context.ts";
import type { OwnTable } from "../own-tables.ts";
import { JobCancelledError } from "../watched.ts";
import { adviseBloat } from "./bloat.ts";
import { adviseExtensions } from "./extensions.ts";
import { adviseHealth } from "./health-advice.ts";
import { adviseIndexes } from "./index-advice.ts";
import { adviseMissingIndexes } from "./missing-indexes.ts";

type Findings = { advice: Advice[]; notes: string[] };

/** All advice, changing nothing. What the role may not look at is a note, and the rest goes on. */
export async function adviseAll(
  context: JobContext,
  tables: readonly OwnTable[],
): Promise<Findings> {
  const plain = async (advice: Promise<Advice[]>) => ({ advice: await advice, notes: [] });
  const advisers: [string, () => Promise<Findings>][] = [
    ["missing indexes", () => adviseMissingIndexes(context, tables)],
    ["indexes", () => adviseIndexes(context, tables)],
    ["bloat", () => plain(adviseBloat(context, tables))],
    ["health", () => plain(adviseHealth(context, tables))],
    ["settings", () => plain(adviseSettings(context))],
    ["extensions", () => plain(adviseExtensions(context))],
  ];
  const all: Findings = { advice: [], notes: [] };
  for (const [i, [name, adviser]] of advisers.entries()) {
    if (context.signal.aborted) throw new JobCancelledError();
    context.report({ detail: name, fraction: i / advisers.length, blockedBy: [] });
    try {
      const { advice, notes } = await adviser();
      all.advice.push(...advice);
      all.notes.push(...notes);
    } catch (error) {
      if (error instanceof DatabaseUnavailableError) throw error;
      all.notes.push(`No advice on ${name}: ${(error as Error).message}.`);
    }
  }
  return all;
}
