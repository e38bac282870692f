import { DatabaseError } from "@peregrine/database";
import { ConfigError } from "@peregrine/settings";
import type { Command } from "./command.ts";
import { processConfig } from "./config.ts";
import { optimizeCommand } from "./performance/database-command.ts";

/** What administrators run beside the server, with its settings: `cli.ts <command> [options]`. */
const commands: Record<string, Command> = {
  optimize: optimizeCommand,
};

async function main([name = "", ...args]: string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const known = Object.keys(commands).join(", ");
    process.stderr.write(`${JSON.stringify(name)} is no command; known are: ${known}\n`);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  return command({ args, config: processConfig(), out: process.stdout, signal: stop.signal });
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof DatabaseError;
  process.stderr.write(`${isExpected ? (error as Error).message : (error as Error).stack}\n`);
  process.exit(1);
}
