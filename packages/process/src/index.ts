export { Lifecycle } from "./lifecycle.ts";
export { createLog, type Log, type LogLevel, logLevels } from "./log.ts";
export { Recurring } from "./recurring.ts";
