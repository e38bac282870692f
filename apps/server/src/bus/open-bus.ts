import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";
import { type Bus, noBus } from "./bus.ts";
import { ipcBus } from "./ipc-bus.ts";
import { redisBus } from "./redis-bus.ts";

/** The way to the other servers: Redis where there is one, else the process that started us all. */
export function openBus(config: Config, serverId: string, log: Log): Bus {
  if (config.REDIS_URL) {
    return redisBus(config.REDIS_URL, serverId, (err) =>
      log.debug({ err }, "the bus between servers failed at something"),
    );
  }
  const send = process.send?.bind(process);
  return send
    ? ipcBus({ send, on: process.on.bind(process), off: process.off.bind(process) })
    : noBus;
}
