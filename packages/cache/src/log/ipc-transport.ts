import type { IpcChannel, ToHub, ToMember } from "./ipc-messages.ts";
import type { LogSnapshot } from "./records.ts";
import type { AppendReply, Transport, TransportEvents } from "./transport.ts";

/** The log of invalidations over the IPC channel to a parent that has a `LogHub`. */
export function ipcTransport(channel: IpcChannel): Transport {
  const calls = new Map<number, (result: unknown) => void>();
  let lastCall = 0;
  let events: TransportEvents | undefined;

  const stop = channel.listen((message) => {
    if (!isToMember(message)) return;
    if (message.kind === "record") events?.records(message.epoch, [message.record]);
    else if (message.kind === "acked") events?.acked(message.node, message.epoch, message.seq);
    else {
      calls.get(message.call)?.(message.result);
      calls.delete(message.call);
    }
  });

  function ask<T>(request: ToHub["request"]): Promise<T> {
    const call = ++lastCall;
    calls.delete(call - MAX_UNANSWERED);
    return new Promise((resolve, reject) => {
      calls.set(call, resolve as (result: unknown) => void);
      try {
        channel.send({ cacheLog: "to-hub", call, request } satisfies ToHub);
      } catch (error) {
        calls.delete(call);
        reject(error);
      }
    });
  }

  return {
    join: (node) => ask<LogSnapshot>({ kind: "join", node }),
    follow(_from, newEvents) {
      // The channel keeps the order: records after the snapshot come after its reply.
      events = newEvents;
    },
    beat: (request) => ask<{ epoch: string; seq: number }>({ kind: "beat", ...request }),
    append: (record) => ask<AppendReply>({ kind: "append", record }),
    ack: (message) => ask<void>({ kind: "ack", ...message }),
    leave: (node) => ask<void>({ kind: "leave", node }),
    async close() {
      stop();
      calls.clear();
    },
  };
}

/** A parent that does not answer must not make this grow: older calls have timed out long ago. */
const MAX_UNANSWERED = 10_000;

function isToMember(message: unknown): message is ToMember {
  return (
    typeof message === "object" &&
    message !== null &&
    "cacheLog" in message &&
    message.cacheLog === "to-member"
  );
}
