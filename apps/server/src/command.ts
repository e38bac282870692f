import type { Config } from "./config.ts";

/** A command of the command line: takes what it needs, gives the exit code. */
export type Command = (options: {
  args: string[];
  config: Config;
  out: NodeJS.WriteStream;
  /** Aborted when it is told to stop. */
  signal: AbortSignal;
}) => Promise<number>;
