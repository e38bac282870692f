import type { Log } from "@peregrine/process";
import type { Config } from "../config.ts";
import { type Bus, noBus } from "./bus.ts";
import { ipcBus } from "./ipc-bus.ts";

/** The way to the other servers: Redis where there is one, else the process that started us all. */
export async function openBus(config: Config, serverId: string, log: Log): Promise<Bus> {
  if (config.REDIS_URL) {
    // Redis' client takes 8 MB: only those who use it load it.
    const { redisBus } = await import("./redis-bus.ts");
    return redisBus(config.REDIS_URL, serverId, (err) =>
      log.debug({ err }, "the bus between servers failed at something"),
    );
  }
  const send = process.send?.bind(process);
  if (!send) return noBus;
  return ipcBus({
    // With a callback, a parent that has gone is an error here and not of the whole process.
    send: (message) => void send(message, () => {}),
    on: process.on.bind(process),
    off: process.off.bind(process),
  });
}
