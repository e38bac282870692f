import { pino } from "pino";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What is logged: fields first, then the sentence. */
export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

const colours: Record<string, number> = {
  debug: 90,
  info: 36,
  warn: 33,
  error: 31,
};

/** A log that a person reads in a terminal, and that is JSON, a line each, anywhere else. */
export function createLog(level: LogLevel, out: NodeJS.WriteStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (!out.isTTY) return pino(options, { write: (line) => out.write(line) });
  return pino(options, { write: (line) => out.write(forPeople(line)) });
}

function forPeople(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line);
  const details = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  const stack = err ? `\n${err.stack ?? err.message}` : "";
  const clock = String(time).slice(11, 23);
  return `\x1b[90m${clock}\x1b[0m \x1b[${colours[level] ?? 0}m${level.padEnd(5)}\x1b[0m ${msg}\x1b[90m${details}${stack}\x1b[0m\n`;
}
