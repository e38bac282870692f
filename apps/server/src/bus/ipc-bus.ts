import { type Bus, Listeners } from "./bus.ts";

/** The channel to the process that started this one and its siblings, which passes on what one says. */
type Parent = {
  send(message: unknown): void;
  on(event: "message", listener: (message: unknown) => void): void;
  off(event: "message", listener: (message: unknown) => void): void;
};

type Broadcast = { type: "broadcast"; channel: string; data: unknown };

/** The bus of servers that run on one machine behind one door. */
export function ipcBus(parent: Parent): Bus {
  const listeners = new Listeners();
  const onMessage = (message: unknown) => {
    if (isBroadcast(message)) listeners.deliver(message.channel, message.data);
  };
  parent.on("message", onMessage);
  return {
    publish: (channel, data) =>
      parent.send({ type: "broadcast", channel, data } satisfies Broadcast),
    async subscribe(channel, listener) {
      listeners.add(channel, listener);
      return () => void listeners.remove(channel, listener);
    },
    async close() {
      parent.off("message", onMessage);
    },
  };
}

function isBroadcast(message: unknown): message is Broadcast {
  return (
    typeof message === "object" &&
    message !== null &&
    "type" in message &&
    message.type === "broadcast" &&
    "channel" in message &&
    typeof message.channel === "string"
  );
}
