import { resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  findEmbeddedPostgres,
  migrateDatabase,
  openOptimiser,
  startEmbeddedPostgres,
} from "@peregrine/database";
import type { OptimiserProgress, OptimiserResult } from "@peregrine/protocol";
import type { Command } from "../command.ts";
import type { Config } from "../config.ts";

const usage = "npm run peregrine -- optimize [--dry-run]\n";

/** Optimises the database from the command line, whether the server runs or not. */
export const optimizeCommand: Command = async ({ args, config, out, signal }) => {
  const options = readOptions(args);
  if (!options) {
    out.write(usage);
    return 2;
  }
  const postgres = await reachPostgres(config);
  await migrateDatabase(postgres.url);
  const display = new ProgressLine(out);
  const optimiser = openOptimiser({
    url: postgres.url,
    on: { progress: (progress) => display.show(progress) },
  });
  try {
    if (options.isDryRun) {
      out.write(render(await optimiser.plan()));
      return 0;
    }
    const begun = await optimiser.start("command");
    if (begun === "already_running") {
      out.write("A job is running already: see the dashboard, or cancel it there.\n");
      return 1;
    }
    signal.addEventListener("abort", () => {
      optimiser.cancel().catch((error: Error) => out.write(`${error.message}\n`));
    });
    await optimiser.ended();
    display.clear();
    const run = (await optimiser.state()).history.find(({ id }) => id === begun.id);
    if (run?.result) out.write(render(run.result));
    out.write(`${run?.status ?? "interrupted"}${run?.error ? `: ${run.error}` : ""}\n`);
    return run?.status === "done" ? 0 : 1;
  } finally {
    await optimiser.close();
    await postgres.stop();
  }
};

function readOptions(args: string[]): { isDryRun: boolean } | null {
  try {
    const { values } = parseArgs({ args, options: { "dry-run": { type: "boolean" } } });
    return { isDryRun: values["dry-run"] ?? false };
  } catch {
    return null;
  }
}

/** The configured Postgres; else the embedded one, that of the running server or one of our own. */
async function reachPostgres(config: Config): Promise<{ url: string; stop(): Promise<void> }> {
  const directory = resolve(config.DATA_DIR, "postgres");
  const url = config.DATABASE_URL ?? findEmbeddedPostgres(directory);
  return url === null ? startEmbeddedPostgres({ directory }) : { url, stop: async () => {} };
}

/** One line that is written over in a terminal; elsewhere a line for each new thing. */
class ProgressLine {
  readonly #out: NodeJS.WriteStream;
  #shown = "";

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show({ step, detail, fraction, blockedBy }: OptimiserProgress): void {
    const share = fraction === null ? "" : ` ${Math.round(fraction * 100)} %`;
    const behind = blockedBy.map(
      ({ pid, application, user }) =>
        `${pid} (${[application, user].filter(Boolean).join(" of ")})`,
    );
    const waits = behind.length > 0 ? `, waiting for session ${behind.join(", ")}` : "";
    const line = `${step}${detail && `: ${detail}`}${this.#out.isTTY ? share : ""}${waits}`;
    if (line === this.#shown) return;
    this.#shown = line;
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[2K${line.slice(0, Math.max(20, this.#out.columns - 1))}`);
    } else this.#out.write(`${line}\n`);
  }

  clear(): void {
    if (this.#out.isTTY) this.#out.write("\r\x1b[2K");
  }
}

function render({ actions, advice, notes }: OptimiserResult): string {
  const lines: string[] = [];
  const quiet = actions.filter(({ outcome }) => outcome === "unneeded").length;
  for (const { step, name, outcome, detail, sql, undo, query } of actions) {
    if (outcome === "unneeded") continue;
    lines.push(`${outcome.replace("_", " ").padEnd(13)} ${step}: ${name} – ${detail}`);
    if (query) {
      const { before, after } = query;
      lines.push(
        `              ${before.plan}, cost ${before.cost} → ${after.plan}, cost ${after.cost}`,
      );
    }
    if (sql) lines.push(`              ${sql}`);
    if (undo) lines.push(`              undo: ${undo}`);
  }
  lines.push(`${quiet} things are as they should be.`, "");
  for (const { summary, evidence, cost, sql, confidence } of advice) {
    lines.push(`advice (${confidence}): ${summary}`, `  ${evidence}`, `  ${cost}`);
    if (sql) lines.push(`  ${sql}`);
  }
  lines.push(...notes.map((note) => `note: ${note}`));
  return `${lines.join("\n")}\n`;
}
