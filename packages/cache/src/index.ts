export type { Body } from "./body.ts";
export type { Cache, ClearOptions, EntryOptions, LoadFor, Stamp } from "./cache.ts";
export type { CacheOptions, RedisOptions } from "./cache-options.ts";
export type { Clearing, ClearingProgress } from "./clearing.ts";
export type { Clock } from "./clock.ts";
export { createCache } from "./create-cache.ts";
export { CacheError, type CacheErrorCode } from "./errors.ts";
export type { CacheEvents, ServedFrom } from "./events.ts";
export type { IpcChannel } from "./log/ipc-messages.ts";
export { ipcTransport } from "./log/ipc-transport.ts";
export { LogHub } from "./log/log-hub.ts";
export type { Transport } from "./log/transport.ts";
export type { Witness } from "./log/witness.ts";
export type { CacheStats } from "./stats.ts";
export {
  type KeyOf,
  type TypeDefinition,
  type TypeTable,
  typed,
  type ValueOf,
} from "./type-table.ts";
export type { WarmItem, WarmOptions, WarmProgress, WarmSource } from "./warm.ts";
